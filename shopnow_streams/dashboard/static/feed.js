// The one place that fetches. What is shown subscribes here, so that a pushed stream can replace the polling.
import { askForToken, authorization } from "./token.js";

const TIMEOUT_MS = 8_000;
const LONGEST_WAIT_MS = 10_000;

/**
 * @typedef {object} News
 * @property {any} data what was answered last; null before that, and where the worker has no such resource
 * @property {string} path what was asked for `data`
 * @property {number} atMs when `data` came
 * @property {boolean} absent the worker answers, and has no such resource
 * @property {number | null} silentSinceMs since when nothing is answered; null while the worker answers
 */

/** One endpoint, asked again and again: never twice at a time, later and later while there is no answer. */
export class Feed {
  #source;
  #everyMs;
  #listeners = new Set();
  #timer = 0;
  #asking = null;
  #failures = 0;
  #running = false;
  #answered = () => {};

  /** @type {News} */
  news = { data: null, path: "", atMs: 0, absent: false, silentSinceMs: null };

  /**
   * @param {() => string} source the path to ask for now
   * @param {number} everyMs from an answer to the next question
   */
  constructor(source, everyMs) {
    this.#source = source;
    this.#everyMs = everyMs;
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
    if (!this.#running || this.#asking) return;
    clearTimeout(this.#timer);
    this.#ask();
  }

  /** Ask now for what `source` names now: an answer on its way is of no more use. */
  turn() {
    this.#asking?.abort();
    this.#asking = null;
    this.wake();
  }

  async #ask() {
    const asking = new AbortController();
    this.#asking = asking;
    const path = this.#source();
    const wasSilent = this.news.silentSinceMs !== null;
    let news;
    try {
      news = await this.#answer(path, AbortSignal.any([asking.signal, AbortSignal.timeout(TIMEOUT_MS)]));
      this.#failures = 0;
    } catch {
      news = { ...this.news, silentSinceMs: this.news.silentSinceMs ?? Date.now() };
      this.#failures += 1;
    }
    if (this.#asking !== asking) return; // turned away meanwhile
    this.#asking = null;
    this.news = news;
    if (this.#running) this.#timer = setTimeout(() => this.wake(), this.#waitMs());
    for (const listener of this.#listeners) listener(news);
    if (wasSilent && news.silentSinceMs === null) this.#answered();
  }

  /** @returns {Promise<News>} */
  async #answer(path, signal) {
    const response = await authorized(path, { signal, cache: "no-store" });
    const shared = { path, atMs: Date.now(), silentSinceMs: null };
    if (response.status === 404) return { ...shared, data: null, absent: true };
    const type = response.headers.get("Content-Type") ?? "";
    if (type.startsWith("text/plain") && response.ok) {
      return { ...shared, data: await response.text(), absent: false };
    }
    // /health/ready says 503 and why, in JSON; a problem (RFC 9457) is no answer
    if (!type.startsWith("application/json")) throw new Error(`${path}: ${response.status}`);
    return { ...shared, data: await response.json(), absent: false };
  }

  #waitMs() {
    if (this.news.absent) return LONGEST_WAIT_MS * 6;
    if (!this.#failures) return this.#everyMs;
    const wait = Math.min(500 * 2 ** this.#failures, LONGEST_WAIT_MS);
    return wait * (0.75 + Math.random() / 2); // many screens must not come back as one
  }
}

async function authorized(path, options) {
  const headers = authorization();
  const response = await fetch(path, { ...options, headers, credentials: "same-origin" });
  if (response.status === 401) askForToken(headers);
  return response;
}

/** Run feeds while the page is seen; the first that is answered again wakes the others. */
export function runWhileVisible(feeds) {
  const wakeAll = () => feeds.forEach((feed) => feed.wake());
  const apply = () => {
    for (const feed of feeds) {
      if (document.hidden) feed.stop();
      else feed.start(wakeAll);
    }
  };
  document.addEventListener("visibilitychange", apply);
  window.addEventListener("online", wakeAll);
  apply();
}

/** One answer, once; null where there is none. For what does not change. */
export async function once(path) {
  try {
    const response = await authorized(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
