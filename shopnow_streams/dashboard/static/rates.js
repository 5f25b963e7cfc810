const WINDOW_MS = 6_000;
const KEEP_MS = 180_000;

/** Events a second of each topic, by how far offsets moved within some seconds. */
export class Rates {
  #looks = [];

  /** @type {{atMs: number, perS: number}[]} all topics together, for the last minutes */
  history = [];
  /** @type {Record<string, number>} */
  perS = {};

  /** @param {import("./offsets.js").Offsets} offsets */
  look(offsets, atMs) {
    const before = this.#looks.at(-1);
    if (before && atMs - before.atMs > 3 * WINDOW_MS) this.#looks = []; // the page was hidden, or the worker silent
    this.#looks.push({ offsets, atMs });
    while (this.#looks.length > 2 && atMs - this.#looks[0].atMs > WINDOW_MS) this.#looks.shift();
    const first = this.#looks[0];
    const seconds = (atMs - first.atMs) / 1000;
    if (seconds <= 0) return;
    this.perS = Object.fromEntries(
      Object.keys(offsets).map((topic) => [topic, moved(first.offsets[topic] ?? {}, offsets[topic]) / seconds]),
    );
    const perS = Object.values(this.perS).reduce((sum, rate) => sum + rate, 0);
    this.history.push({ atMs, perS });
    while (atMs - this.history[0].atMs > KEEP_MS) this.history.shift();
  }

  get known() {
    return this.history.length > 0;
  }
}

/** Only partitions that both looks have: one that comes or goes brings no events by that. */
function moved(from, to) {
  let records = 0;
  for (const [partition, offset] of Object.entries(to)) {
    if (partition in from) records += Math.max(0, offset - from[partition]);
  }
  return records;
}
