import { ENGLISH } from "./english.js";
import { Formats } from "./formats.js";
import { FRENCH } from "./french.js";

const MESSAGES = { en: ENGLISH, fr: FRENCH };

/** The language that the page speaks, and what to do when it changes. */
export class Language {
  #listeners = [];

  constructor() {
    this.#use(document.documentElement.lang);
  }

  /** @param {() => void} listener */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** @param {"en" | "fr"} name */
  choose(name) {
    this.#use(name);
    this.translate();
    for (const listener of this.#listeners) listener();
  }

  /** The message of a key, `{name}` replaced by `values.name`. */
  text = (key, values = {}) =>
    MESSAGES[this.name][key].replace(/\{(\w+)\}/g, (_, name) =>
      typeof values[name] === "number" ? this.formats.number(values[name]) : String(values[name]),
    );

  /** Put the words into the page: `data-text` names an element's text, `data-label` its accessible name. */
  translate() {
    document.documentElement.lang = this.name;
    for (const each of document.querySelectorAll("[data-text]")) each.textContent = this.text(each.dataset.text);
    for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", this.text(each.dataset.label));
  }

  #use(name) {
    this.name = name in MESSAGES ? name : "en";
    this.formats = new Formats(this.name);
  }
}
