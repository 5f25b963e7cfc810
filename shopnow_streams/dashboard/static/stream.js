// `/api/stream`, read with fetch: an EventSource can't send the token.
import { authorized } from "./asking.js";
import { EventParser } from "./sse.js";

const PATH = "/api/stream?tables=";
const FIRST_WORD_MS = 6_000; // it speaks at once: a proxy that holds that back holds back everything
const SILENCE_MS = 40_000; // the worker says something every 15 s
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const REFUSED_MS = 60_000;

/**
 * @typedef {"connecting" | "open" | "reconnecting" | "refused" | "away"} Push
 * connecting: for the first time; reconnecting: it broke, and was not tried again yet; refused: the worker or a proxy
 * does not let it be; away: nobody answers
 */

/** The stream of what changes, for as long as it is wanted: it comes back by itself, from where it was. */
export class Stream {
  #path;
  #parser = new EventParser();
  #wanted = false;
  #reading = null;
  #timer = 0;
  #failures = 0;
  #retryAtOnce = false;
  #told;

  /** @type {Push} */
  push = "connecting";

  /**
   * @param {string[]} tables
   * @param {object} told
   * @param {(name: string, data: any) => void} told.event
   * @param {() => void} told.alive called for whatever came, events or not
   * @param {(push: Push) => void} told.push another state
   */
  constructor(tables, told) {
    this.#path = PATH + tables.join(",");
    this.#told = told;
  }

  start() {
    this.#wanted = true;
    this.retry();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#reading?.abort();
    this.#is("reconnecting");
  }

  /** Somebody answers again, or may: try now, unless it is read. */
  retry() {
    if (!this.#wanted || this.push === "open") return;
    this.#failures = 0;
    if (this.#reading) {
      this.#retryAtOnce = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#read();
  }

  async #read() {
    const reading = new AbortController();
    this.#reading = reading;
    this.#retryAtOnce = false;
    const silence = new Deadline(FIRST_WORD_MS, () => reading.abort());
    let ended;
    try {
      ended = await this.#follow(reading.signal, silence);
    } catch {
      ended = this.#broken(silence.over);
    }
    silence.cancel();
    this.#reading = null;
    if (!this.#wanted) return;
    this.#failures += 1;
    this.#is(ended.push);
    this.#timer = setTimeout(() => this.#read(), this.#retryAtOnce ? 0 : ended.waitMs);
  }

  /** Until it ends. @returns {Promise<{push: Push, waitMs: number}>} Throws where it breaks. */
  async #follow(signal, silence) {
    const { lastId } = this.#parser;
    const response = await authorized(this.#path, { signal, headers: lastId ? { "Last-Event-ID": lastId } : {} });
    if (!response.ok) {
      await response.body?.cancel();
      return { push: "refused", waitMs: 1_000 * Number(response.headers.get("Retry-After") ?? 0) || REFUSED_MS };
    }
    this.#parser.begin();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return this.#broken(false);
      silence.putOff(SILENCE_MS);
      this.#failures = 0;
      this.#is("open");
      for (const { name, data } of this.#parser.push(value)) this.#told.event(name, data);
      this.#told.alive();
    }
  }

  #broken(unheard) {
    const jitter = 0.75 + Math.random() / 2; // many screens must not come back as one
    if (this.push === "open") return { push: "reconnecting", waitMs: this.#parser.retryMs || FIRST_WAIT_MS };
    if (unheard) return { push: "refused", waitMs: REFUSED_MS * jitter };
    return { push: "away", waitMs: Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS) * jitter };
  }

  #is(push) {
    if (push === this.push) return;
    this.push = push;
    this.#told.push(push);
  }
}

/** Something that happens unless it is put off. */
class Deadline {
  #timer;
  #passed;
  over = false;

  constructor(ms, passed) {
    this.#passed = passed;
    this.putOff(ms);
  }

  putOff(ms) {
    this.cancel();
    this.#timer = setTimeout(() => {
      this.over = true;
      this.#passed();
    }, ms);
  }

  cancel() {
    clearTimeout(this.#timer);
  }
}
