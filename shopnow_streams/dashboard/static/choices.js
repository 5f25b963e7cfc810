// What a person chooses is kept in this browser: the theme and the language.

/** Make the radio buttons of `name` show `current` and tell `choose` of a change. */
export function choices(name, current, choose) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
    input.checked = input.value === current;
    input.addEventListener("change", () => {
      if (!input.checked) return;
      try {
        localStorage.setItem(name, input.value);
      } catch {
        // storage is off: it holds until the page is closed
      }
      choose(input.value);
    });
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
