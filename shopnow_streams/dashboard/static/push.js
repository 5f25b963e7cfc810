// Which feeds are woken by what the stream tells; and polling where there is none.
import { Stream } from "./stream.js";

const TABLES = ["hours", "stock", "orders", "alerts"];

/**
 * @typedef {object} Wakes
 * @property {Record<string, import("./feed.js").Feed[]>} tables feeds by the table whose events have news for them
 * @property {import("./feed.js").Feed[]} alive feeds of what no event tells: they ask now and then while the stream lives
 */

/** All feeds of the page, run while it is seen. */
export class Push {
  #feeds;
  #wakes;
  #stream;
  #told;
  #answered = "";

  /**
   * @param {import("./feed.js").Feed[]} feeds
   * @param {Wakes} wakes
   * @param {object} told
   * @param {() => void} told.turned called when `state` is another one
   * @param {(name: string, data: any) => void} told.heard called for every event
   */
  constructor(feeds, wakes, told) {
    this.#feeds = feeds;
    this.#wakes = wakes;
    this.#told = told;
    this.#stream = new Stream(TABLES, {
      event: (name, data) => {
        told.heard(name, data);
        this.#event(name, data);
      },
      alive: () => wakes.alive.forEach((feed) => feed.refresh()),
      push: (push) => this.#turned(push),
    });
  }

  /** @returns {import("./stream.js").Push} */
  get state() {
    return this.#stream.push;
  }

  /** Ask for everything anew, such as with another token. */
  turn() {
    for (const feed of this.#feeds) feed.turn();
    this.#stream.retry();
  }

  /** Run while the page is seen; the first that is answered again wakes the others that were not. */
  runWhileVisible() {
    const answered = () => {
      for (const feed of this.#feeds) if (feed.news.silentSinceMs !== null) feed.wake();
      this.#stream.retry();
    };
    const apply = () => {
      for (const feed of this.#feeds) {
        if (document.hidden) feed.stop();
        else feed.start(answered);
      }
      if (document.hidden) this.#stream.stop();
      else this.#stream.start();
    };
    document.addEventListener("visibilitychange", apply);
    window.addEventListener("online", answered);
    apply();
  }

  #event(name, data) {
    const stands = data.partitions ? data : null; // alerts say nothing of tables
    const all = (stands && this.#isAnother(stands.partitions)) || name === "reset";
    for (const feed of all ? this.#feeds : (this.#wakes.tables[name] ?? [])) feed.owe(stands);
  }

  /** Where other partitions answer than before, everything may be another. */
  #isAnother({ answered, of }) {
    const before = this.#answered;
    this.#answered = `${answered} of ${of}`;
    return before !== "" && before !== this.#answered;
  }

  #turned(push) {
    for (const feed of this.#feeds) {
      feed.poll(push !== "open");
      if (push === "away" && feed.news.silentSinceMs === null) feed.wake();
    }
    this.#told.turned();
  }
}
