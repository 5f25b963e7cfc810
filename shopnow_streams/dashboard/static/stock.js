import { Choice } from "./choices.js";
import { byId, element, fillList, setNumber, setText } from "./dom.js";

const ROWS = 8;
const ASKED = 20;
const LOW_UNITS = 5;
const LOW_HOURS = 6;

/** What is sold out the soonest, or the lowest counts; and what may be left of each by now. */
export class Stock {
  #language;
  #names;
  #by;

  /**
   * @param {import("./language.js").Language} language
   * @param {import("./names.js").Names} names
   * @param {() => void} turned called when another order was chosen
   */
  constructor(language, names, turned) {
    this.#language = language;
    this.#names = names;
    this.#by = new Choice("stock-by", "hours_until_out", () => {
      byId("levels").classList.add("turning");
      turned();
    });
  }

  path = () => `/api/stock?sort=${this.#by.value}&limit=${ASKED}`;

  draw({ data, path }) {
    if (path !== this.path()) return; // what is shown stays until the answer to the new question
    byId("levels").classList.remove("turning");
    const { text, formats } = this.#language;
    const gone = data.items.filter((item) => left(item) === 0).length;
    const count = byId("sold-out");
    count.hidden = gone === 0;
    setText(count, text(gone === ASKED ? "soldOutAtLeast" : "soldOutCount", { count: gone }));
    byId("stock-nothing").hidden = data.items.length > 0;
    fillList(byId("shelves"), data.items.slice(0, ROWS), (item) => String(item.id_produit), newShelf, (shelf, item) => {
      const [name, note, units] = shelf.children;
      setText(name, this.#names.get(item.id_produit) ?? text("productNumber", { id: String(item.id_produit) }));
      name.title = name.textContent;
      const [until, when] = note.children;
      setNumber(until, item.hours_until_out ?? "", this.#until(item));
      setText(when, text("countedUnits", { count: item.units, ago: formats.ago(Date.parse(item.counted_at)) }));
      shelf.dataset.level = level(item);
      setNumber(units, left(item), left(item) === 0 ? text("soldOut") : text(item.units_sold_since ? "aboutUnits" : "units", { count: left(item) }));
    });
  }

  #until({ hours_until_out: hours, ...item }) {
    const { text, formats } = this.#language;
    if (left(item) === 0) return text("restock");
    return hours === null ? text("sellsNothing") : text("outIn", { span: formats.hours(hours) });
  }
}

/** What is left by now, as far as is known. */
const left = (item) => item.estimated_units ?? item.units;

function level(item) {
  if (left(item) === 0) return "none";
  return left(item) <= LOW_UNITS || (item.hours_until_out ?? Infinity) <= LOW_HOURS ? "low" : "some";
}

const newShelf = () =>
  element(
    "li",
    "shelf",
    element("span", "name"),
    element("span", "when", element("data", "until"), element("span", "counted")),
    element("data", "units"),
  );
