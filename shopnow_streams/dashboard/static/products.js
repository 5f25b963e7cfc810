import { byId, element, fillList, setNumber, setShare, setText } from "./dom.js";

const ROWS = 8;

/** The products with most views, carts or revenue: a tab each. */
export class Products {
  #language;
  #tabs = [...document.querySelectorAll("#products [role=tab]")];
  #sort = "views";
  #turned;

  /**
   * @param {import("./language.js").Language} language
   * @param {() => void} turned called when another tab was chosen
   */
  constructor(language, turned) {
    this.#language = language;
    this.#turned = turned;
    for (const tab of this.#tabs) {
      tab.addEventListener("click", () => this.#choose(tab));
      tab.addEventListener("keydown", (event) => this.#key(event, tab));
    }
    this.#mark();
  }

  /** What to ask for. */
  path = () => `/api/products?sort=${this.#sort}&limit=${ROWS}`;

  draw({ data, path }) {
    if (path !== this.path()) return; // what is shown stays until the answer to the new question
    byId("ranking").classList.remove("turning");
    const { text, formats } = this.#language;
    const sort = this.#sort;
    const most = data.items[0]?.[sort] || 1;
    byId("products-nothing").hidden = data.items.length > 0;
    fillList(byId("ranking-rows"), data.items, (item) => String(item.id_produit), newRow, (row, item) => {
      const [name, value, bar] = row.children;
      setText(name, item.name ?? text("productNumber", { id: String(item.id_produit) }));
      name.title = name.textContent;
      setNumber(value, item[sort], sort === "revenue_cents" ? formats.wholeMoney(item[sort]) : formats.number(item[sort]));
      setShare(bar.firstChild, item[sort] / most);
    });
  }

  #choose(tab) {
    if (this.#sort === tab.dataset.sort) return;
    this.#sort = tab.dataset.sort;
    this.#mark();
    byId("ranking").classList.add("turning");
    this.#turned();
  }

  #mark() {
    for (const tab of this.#tabs) {
      const chosen = tab.dataset.sort === this.#sort;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) byId("ranking").setAttribute("aria-labelledby", tab.id);
    }
  }

  #key(event, tab) {
    const count = this.#tabs.length;
    const at = this.#tabs.indexOf(tab);
    const to = { ArrowRight: (at + 1) % count, ArrowLeft: (at + count - 1) % count, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#tabs[to].focus();
    this.#choose(this.#tabs[to]);
  }
}

const newRow = () =>
  element("li", "ranked", element("span", "name"), element("data", "value"), element("span", "bar", element("i")));
