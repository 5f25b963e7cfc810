// Minutes, hours and days of the revenue: which are shown, and what they are called.
import { HOUR_MS, hourName, hourStartMs } from "./day.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTES = 60;
const HOURS = 24;
const DAYS = 30;
const TICK_PX = 76;
const EMPTY = { orders: 0, placed_cents: 0, payments: 0, paid_cents: 0 };

/** The last `count` spans up to the one that begins at `lastMs`; the last one is not over. */
function upTo(lastMs, count, lastsMs, find) {
  return Array.from({ length: count }, (_, index) => {
    const startMs = lastMs - (count - 1 - index) * lastsMs;
    return { ...EMPTY, ...find(startMs), startMs, running: startMs === lastMs };
  });
}

/** Those to name under the axis: as many as have room, at round numbers. */
function round(spans, widthPx, steps, number) {
  const every = steps.find((step) => (widthPx / spans.length) * step > TICK_PX) ?? steps.at(-1);
  return spans.filter(({ startMs }) => number(startMs) % every === 0).map(({ startMs }) => startMs / 1000);
}

const minuteName = (ms) => new Date(ms).toISOString().slice(0, 16);
const dayName = (ms) => new Date(ms).toISOString().slice(0, 10);
const by = (field, items) => new Map(items.map((item) => [item[field], item]));

/** By what `/api/revenue` calls them. Minutes end with event time, and hours and days with the clock's; days are UTC's. */
export const SPANS = {
  minute: {
    path: `/api/revenue?by=minute&limit=${MINUTES}`,
    title: "revenueByMinute",
    unit: "minute",
    lastsMs: MINUTE_MS,
    shown({ items, as_of: asOf }) {
      const found = by("minute", items);
      const lastMs = Math.floor(Date.parse(asOf) / MINUTE_MS) * MINUTE_MS;
      return upTo(lastMs, MINUTES, MINUTE_MS, (ms) => found.get(minuteName(ms)));
    },
    ticks: (spans, widthPx) => round(spans, widthPx, [2, 5, 10, 15, 30], (ms) => new Date(ms).getMinutes()),
    tick: (ms, formats) => formats.hour(ms),
    name: ({ startMs }, formats) => formats.hour(startMs),
  },
  hour: {
    title: "revenueByHour",
    unit: "hour",
    lastsMs: HOUR_MS,
    shown({ items }, nowMs) {
      const found = by("hour", items);
      return upTo(hourStartMs(hourName(nowMs)), HOURS, HOUR_MS, (ms) => found.get(hourName(ms)));
    },
    ticks: (spans, widthPx) => round(spans, widthPx, [2, 3, 4, 6, 8, 12], (ms) => new Date(ms).getHours()),
    tick: (ms, formats) => formats.hour(ms),
    name: ({ startMs }, formats) => formats.dayHour(startMs),
  },
  day: {
    path: `/api/revenue?by=day&limit=${(DAYS + 1) * 24}`,
    title: "revenueByDay",
    unit: "day",
    lastsMs: DAY_MS,
    shown({ items }, nowMs) {
      const found = by("day", items);
      return upTo(Math.floor(nowMs / DAY_MS) * DAY_MS, DAYS, DAY_MS, (ms) => found.get(dayName(ms)));
    },
    ticks: (spans, widthPx) => round(spans, widthPx, [1, 2, 4, 7, 14], (ms) => ms / DAY_MS),
    tick: (ms, formats) => formats.utcDay(ms),
    name: ({ startMs }, formats) => formats.utcDay(startMs),
  },
};
