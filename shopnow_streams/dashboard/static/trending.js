import { Choice } from "./choices.js";
import { byId, element, fillList, setNumber, setText } from "./dom.js";

const ROWS = 8;
const FLAT = 0.005;
const SPANS = { "5min": "last5min", "1h": "last1h", "24h": "last24h" };
const ARROWS = { up: "▲", down: "▼", flat: "=", new: "★", unknown: "" };

/** What is looked at, sells or converts most of late, and how that rises. */
export class Trending {
  #language;
  #last;
  #by;

  /**
   * @param {import("./language.js").Language} language
   * @param {() => void} turned called when another ranking was chosen
   */
  constructor(language, turned) {
    this.#language = language;
    const chosen = () => {
      byId("trends").classList.add("turning");
      turned();
    };
    this.#last = new Choice("trending-last", "1h", chosen);
    this.#by = new Choice("trending-by", "views", chosen);
  }

  path = () => `/api/trending?by=${this.#by.value}&last=${this.#last.value}&limit=${ROWS}`;

  draw({ data, path }) {
    if (path !== this.path()) return; // what is shown stays until the answer to the new question
    byId("trends").classList.remove("turning");
    const { text, formats } = this.#language;
    const by = this.#by.value;
    const write = { views: formats.number, revenue_cents: formats.wholeMoney, conversion: formats.percent }[by];
    byId("trending-nothing").hidden = data.items.length > 0;
    fillList(byId("trending-rows"), data.items, (item) => String(item.id_produit), newTrend, (row, item) => {
      const [name, value, rise] = row.children;
      setText(name, item.name ?? text("productNumber", { id: String(item.id_produit) }));
      name.title = name.textContent;
      setNumber(value, item.value, write(item.value));
      const trend = trendOf(item);
      rise.dataset.trend = trend;
      setText(rise.firstChild, ARROWS[trend]);
      setNumber(rise.lastChild, item.rise ?? "", trend === "new" ? text("isNew") : trend === "unknown" ? text("none") : formats.change(item.rise));
    });
    setText(byId("trending-note"), text("riseNote", { span: text(SPANS[this.#last.value]) }));
  }
}

function trendOf({ rise, before }) {
  if (rise === null) return before === 0 ? "new" : "unknown";
  if (Math.abs(rise) < FLAT) return "flat";
  return rise > 0 ? "up" : "down";
}

const newTrend = () => {
  const arrow = element("span", "arrow");
  arrow.setAttribute("aria-hidden", "true"); // the number has its sign
  return element("li", "ranked trend", element("span", "name"), element("data", "value"), element("span", "rise", arrow, element("data")));
};
