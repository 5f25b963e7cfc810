// What is shown subscribes here. A feed asks when the stream says that there is news, or, without a stream, in turn.
import { answer, TIMEOUT_MS } from "./asking.js";
import { isAsFar } from "./offsets.js";

const INCOMPLETE_MS = 2_000;
const LONGEST_WAIT_MS = 10_000;
const ABSENT_MS = 60_000;

/**
 * @typedef {object} News
 * @property {any} data what was answered last; null before that, and where the worker has no such resource
 * @property {string} path what was asked for `data`
 * @property {number} atMs when `data` came
 * @property {boolean} absent the worker answers, and has no such resource
 * @property {number | null} silentSinceMs since when nothing is answered; null while the worker answers
 */

/** One endpoint: never asked twice at a time, nor sooner than its gap, and later and later while there is no answer. */
export class Feed {
  #source;
  #gapMs;
  #pollMs;
  #freshMs;
  #read;
  #timeoutMs;
  #listeners = new Set();
  #timer = 0;
  #asking = null;
  #askedMs = -Infinity;
  #failures = 0;
  #waitMs = 0;
  #running = false;
  #polled = false;
  #owed = true;
  #event = null;
  #answered = () => {};

  /** @type {News} */
  news = { data: null, path: "", atMs: 0, absent: false, silentSinceMs: null };

  /**
   * @param {() => string | null} source the path to ask for now; null: nothing is to be asked
   * @param {object} [options]
   * @param {number} [options.gapMs] at least so long from a question to the next
   * @param {number} [options.pollMs] so long where nothing tells of news
   * @param {number} [options.freshMs] so long an answer is good where no event tells of news, but of life
   * @param {number} [options.timeoutMs] an answer that takes longer is none
   * @param {(path: string, signal: AbortSignal) => Promise<any>} [options.read] how it is asked
   */
  constructor(source, { gapMs = 1_000, pollMs = 5_000, freshMs = 4_000, timeoutMs = TIMEOUT_MS, read = answer } = {}) {
    this.#source = source;
    this.#gapMs = gapMs;
    this.#pollMs = pollMs;
    this.#freshMs = freshMs;
    this.#timeoutMs = timeoutMs;
    this.#read = read;
  }

  /** @param {(news: News) => void} listener told of every answer, and of every one that did not come */
  subscribe(listener) {
    this.#listeners.add(listener);
  }

  /** @param {() => void} answered called when an answer ends a silence */
  start(answered) {
    this.#answered = answered;
    this.#running = true;
    this.wake();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Ask now, unless a question is on its way. */
  wake() {
    if (!this.#running || this.#asking || this.#source() === null) return;
    clearTimeout(this.#timer);
    this.#ask();
  }

  /** Ask now for what `source` names now: an answer on its way is of no more use. */
  turn() {
    this.#asking?.abort();
    this.#asking = null;
    this.wake();
  }

  /** Ask anew where `source` names another path by now, such as that of another day. */
  follow() {
    if (this.news.path && this.#source() !== this.news.path && !this.#asking) this.wake();
  }

  /**
   * There is news: ask once the gap is over, unless it is known already.
   * @param {import("./offsets.js").Standing | null} event what told of it, where it said how far it is
   */
  owe(event = null) {
    const known = this.news.silentSinceMs === null && this.news.data?.offsets && this.news.data;
    if (event && known && !this.#asking && isAsFar(known, event)) return;
    this.#owed = true;
    this.#event = event;
    this.#schedule();
  }

  /** The worker lives: what it says of itself may be another thing by now. */
  refresh() {
    if (Date.now() - this.#askedMs >= this.#freshMs) this.owe();
  }

  /** Whether to ask in turn, since nothing tells of news. */
  poll(polled) {
    this.#polled = polled;
    this.#schedule();
  }

  /** Put another thing in the place of the answer: what the stream sent. */
  amend(change) {
    if (this.news.data === null) return;
    this.#tell({ ...this.news, data: change(this.news.data), atMs: Date.now() });
  }

  #schedule() {
    if (!this.#running || this.#asking) return;
    clearTimeout(this.#timer);
    const wait = this.#wait();
    if (wait === null) return;
    this.#timer = setTimeout(() => this.wake(), Math.max(0, this.#askedMs + wait - Date.now()));
  }

  /** From the last question to the next, in ms; null: there is none to be asked. */
  #wait() {
    if (this.#failures) return this.#waitMs;
    if (this.news.absent) return ABSENT_MS;
    if (this.news.data?.complete === false) return Math.max(INCOMPLETE_MS, this.#gapMs);
    if (this.#owed) return this.#gapMs;
    return this.#polled ? this.#pollMs : null;
  }

  async #ask() {
    const asking = new AbortController();
    this.#asking = asking;
    this.#owed = false;
    this.#askedMs = Date.now();
    const path = this.#source();
    const wasSilent = this.news.silentSinceMs !== null;
    let news;
    try {
      const data = await this.#read(path, AbortSignal.any([asking.signal, AbortSignal.timeout(this.#timeoutMs)]));
      news = { data, path, atMs: Date.now(), absent: data === null, silentSinceMs: null };
      this.#failures = 0;
    } catch {
      news = { ...this.news, silentSinceMs: this.news.silentSinceMs ?? Date.now() };
      this.#failures += 1;
      // many screens must not come back as one
      this.#waitMs = Math.min(500 * 2 ** this.#failures, LONGEST_WAIT_MS) * (0.75 + Math.random() / 2);
      this.#askedMs = Date.now();
    }
    if (this.#asking !== asking) return; // turned away meanwhile
    this.#asking = null;
    // an answer may be older than the news: one that many ask for is made once in a while
    if (this.#event && news.data?.offsets) this.#owed = !isAsFar(news.data, this.#event);
    if (!this.#owed) this.#event = null;
    this.#tell(news);
    this.#schedule();
    if (wasSilent && news.silentSinceMs === null) this.#answered();
  }

  #tell(news) {
    this.news = news;
    for (const listener of this.#listeners) listener(news);
  }
}
