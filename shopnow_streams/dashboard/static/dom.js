// The few things that panels do to the page. Text is text: nothing here parses HTML.

/** @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id);

/** An element with classes and children; strings become text. */
export function element(name, classes = "", ...children) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Show a number: what it is for machines in `value`, as people read it in the text. @param {HTMLDataElement} target */
export function setNumber(target, value, text) {
  target.value = String(value);
  setText(target, text);
}

export const numberOf = (value, text, classes = "") => {
  const made = element("data", classes, text);
  made.value = String(value);
  return made;
};

/** How full a bar is, 0 to 1. Through CSSOM, which the CSP allows. */
export const setShare = (target, share) => target.style.setProperty("--share", String(Math.max(0, Math.min(1, share || 0))));

/**
 * Make `list` show `items`, an element each, reusing those of the same key so that nothing flickers.
 * @param {(item: any) => string} key
 * @param {() => HTMLElement} make
 * @param {(row: HTMLElement, item: any, index: number) => void} fill
 */
export function fillList(list, items, key, make, fill) {
  const rows = new Map([...list.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, index) => {
    const name = key(item);
    const row = rows.get(name) ?? make();
    rows.delete(name);
    row.dataset.key = name;
    fill(row, item, index);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  for (const row of rows.values()) row.remove();
}
