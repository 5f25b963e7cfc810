import { axis, bars, Chart, colour } from "./chart.js";
import { HOUR_MS, hourName, hourStartMs, sum } from "./day.js";
import { byId, element, fillList, numberOf, setText } from "./dom.js";

const HOURS = 24;
const EMPTY = { orders: 0, placed_cents: 0, payments: 0, paid_cents: 0 };

/** The last 24 hours as bars: what was paid, in front of what was ordered. */
export class Revenue {
  #language;
  #chart;
  #hours = [];
  #tip = element("div", "tip");

  /** @param {import("./language.js").Language} language */
  constructor(language) {
    this.#language = language;
    this.#chart = new Chart(byId("revenue-chart"), () => this.#options());
    this.#tip.hidden = true;
    this.#tip.setAttribute("aria-hidden", "true"); // the table has the same
    byId("revenue-chart").append(this.#tip);
  }

  rebuild() {
    this.#chart.rebuild();
  }

  draw({ data }) {
    const { text, formats } = this.#language;
    const byName = new Map(data.items.map((item) => [item.hour, item]));
    const lastMs = hourStartMs(hourName(Date.now()));
    this.#hours = Array.from({ length: HOURS }, (_, index) => {
      const startMs = lastMs - (HOURS - 1 - index) * HOUR_MS;
      return { ...EMPTY, ...byName.get(hourName(startMs)), startMs, running: startMs === lastMs };
    });
    const placed = sum(this.#hours, "placed_cents");
    const best = this.#hours.reduce((most, hour) => (hour.placed_cents > most.placed_cents ? hour : most));
    byId("revenue-nothing").hidden = placed > 0;
    setText(byId("revenue-nothing"), text("nothingInDay"));
    byId("revenue-chart").setAttribute(
      "aria-label",
      text("revenueChart", {
        placed: formats.money(placed),
        paid: formats.money(sum(this.#hours, "paid_cents")),
        hour: formats.hour(best.startMs),
        most: formats.money(best.placed_cents),
      }),
    );
    this.#chart.show([
      this.#hours.map((hour) => hour.startMs / 1000),
      this.#hours.map((hour) => hour.placed_cents),
      this.#hours.map((hour) => hour.paid_cents),
    ]);
    fillList(byId("revenue-rows"), this.#hours.toReversed(), (hour) => String(hour.startMs), newRow, (row, hour) => {
      const [when, orders, ordered, paid] = row.children;
      setText(when, formats.dayHour(hour.startMs));
      setText(orders, formats.number(hour.orders));
      ordered.replaceChildren(numberOf(hour.placed_cents, formats.money(hour.placed_cents)));
      paid.replaceChildren(numberOf(hour.paid_cents, formats.money(hour.paid_cents)));
    });
  }

  #options() {
    const { formats } = this.#language;
    const series = (name, width) => ({
      fill: () => colour(name),
      stroke: "transparent",
      width: 0,
      paths: bars({ size: [width, 80], radius: 0.22 }),
      points: { show: false },
    });
    return {
      scales: {
        x: { time: false, range: (_, low, high) => [low - 2_000, high + 2_000] },
        y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] },
      },
      series: [{}, series("placed-soft", 0.76), series("paid", 0.4)],
      axes: [
        axis({
          grid: { show: false },
          size: 28,
          splits: (plot) => ticks(this.#hours, plot.width),
          values: (_, moments) => moments.map((seconds) => formats.hour(seconds * 1000)),
        }),
        axis({ size: (plot, labels) => widest(plot, labels), values: (_, amounts) => amounts.map(formats.shortMoney) }),
      ],
      padding: [10, 6, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [(plot) => this.#point(plot)], ready: [(plot) => plot.over.append(this.#tip)] },
    };
  }

  #point(plot) {
    const { text, formats } = this.#language;
    const { idx, left } = plot.cursor;
    const hour = left < 0 ? null : this.#hours[idx];
    this.#tip.hidden = !hour;
    if (!hour) return;
    this.#tip.replaceChildren(
      element("b", "", hour.running ? text("stillRunning") : formats.dayHour(hour.startMs)),
      element("span", "key placed", `${text("placed")} ${formats.money(hour.placed_cents)}`),
      element("span", "key paid", `${text("paid")} ${formats.money(hour.paid_cents)}`),
      element("span", "", `${text("orders")} ${formats.number(hour.orders)}`),
    );
    const width = plot.over.clientWidth;
    this.#tip.style.left = `${Math.min(Math.max(left, this.#tip.offsetWidth / 2), width - this.#tip.offsetWidth / 2)}px`;
  }
}

const newRow = () => {
  const row = element("tr", "", element("th"), element("td"), element("td"), element("td"));
  row.firstChild.scope = "row";
  return row;
};

/** Hours to name under the axis: as many as have room. */
function ticks(hours, widthPx) {
  const every = [2, 3, 4, 6, 8].find((step) => (widthPx / HOURS) * step > 76) ?? 12;
  return hours.filter((hour) => new Date(hour.startMs).getHours() % every === 0).map((hour) => hour.startMs / 1000);
}

function widest(plot, labels) {
  plot.ctx.save();
  plot.ctx.font = plot.axes[1].font[0];
  const width = Math.max(0, ...(labels ?? []).map((label) => plot.ctx.measureText(label).width / devicePixelRatio));
  plot.ctx.restore();
  return Math.ceil(width) + 14;
}
