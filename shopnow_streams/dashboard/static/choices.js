// What a person chooses is kept in this browser: the theme, the language, what charts and rankings are of.

/** A group of radio buttons, by their name. */
export class Choice {
  #name;
  #inputs;
  #chosen;
  #value;

  /**
   * @param {string} name
   * @param {string} fallback chosen where nothing was chosen before
   * @param {(value: string) => void} chosen called when somebody chose another one
   */
  constructor(name, fallback, chosen) {
    this.#name = name;
    this.#chosen = chosen;
    this.#inputs = [...document.querySelectorAll(`input[name="${name}"]`)];
    const kept = this.#kept();
    this.#value = this.#inputs.some((input) => input.value === kept) ? kept : fallback;
    for (const input of this.#inputs) {
      input.checked = input.value === this.#value;
      input.addEventListener("change", () => input.checked && this.#choose(input.value));
    }
  }

  get value() {
    return this.#value;
  }

  #choose(value) {
    this.#value = value;
    try {
      localStorage.setItem(this.#name, value);
    } catch {
      // storage is off: it holds until the page is closed
    }
    this.#chosen(value);
  }

  #kept() {
    try {
      return localStorage.getItem(this.#name);
    } catch {
      return null;
    }
  }
}

/** @param {"auto" | "light" | "dark"} theme */
export function useTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Call `changed` whenever colours are others: by the toggle, or by the system. */
export function onColours(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
