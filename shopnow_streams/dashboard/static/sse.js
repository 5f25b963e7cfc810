/** @typedef {{name: string, data: any}} Heard an event; its data is JSON */

/** What a server-sent stream says (HTML standard, 9.2), out of pieces of text that end anywhere. */
export class EventParser {
  #rest = "";
  #name = "";
  #data = "";

  /** That of the last event that had one: what `Last-Event-ID` is to be. */
  lastId = "";
  /** How long to wait before coming back, in ms, where the stream said so. */
  retryMs = 0;

  /** A broken line or event of the stream before is forgotten; the id is not. */
  begin() {
    this.#rest = this.#name = this.#data = "";
  }

  /** @param {string} text @returns {Heard[]} the events that end in it */
  push(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data += value;
    else if (field === "id") this.#pendingId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #pendingId = "";

  #dispatch() {
    const heard = this.#data ? { name: this.#name, data: JSON.parse(this.#data) } : null;
    this.lastId = this.#pendingId || this.lastId;
    this.#pendingId = this.#name = this.#data = "";
    return heard;
  }
}
