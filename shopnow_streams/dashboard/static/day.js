// The API counts hours in UTC; a shop's day begins at its own midnight.

export const HOUR_MS = 3_600_000;

/** @param {string} name an hour of the API, `2025-11-28T10` (UTC) */
export const hourStartMs = (name) => Date.parse(`${name}:00:00Z`);

/** The name that the API gives to the hour (UTC) of a moment. */
export const hourName = (ms) => new Date(ms).toISOString().slice(0, 13);

/** The midnight, here, that began the day which is `days` before that of `nowMs`. */
export function midnightMs(nowMs = Date.now(), days = 0) {
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days).getTime();
}

/** The name of the hour that holds the midnight of today, or of `days` before. */
export const dayStart = (days = 0) => hourName(midnightMs(Date.now(), days));

/** Items of the hours from `from` to before `until` (names). */
export const between = (items, from, until = "9999") => items.filter((item) => item.hour >= from && item.hour < until);

/** @param {string} field a number that every item has */
export const sum = (items, field) => items.reduce((total, item) => total + item[field], 0);
