import { byId, element, fillList, setNumber, setText } from "./dom.js";

const ROWS = 8;
const ASKED = 50;
const LOW_UNITS = 5;

export const path = () => `/api/stock?sort=units&limit=${ASKED}`;

/**
 * What is nearly sold out, the lowest first.
 * @param {import("./language.js").Language} language
 * @param {import("./names.js").Names} names
 */
export function drawStock({ data }, { text, formats }, names) {
  const gone = data.items.filter((item) => item.units === 0).length;
  const count = byId("sold-out");
  count.hidden = gone === 0;
  setText(count, text(gone === ASKED ? "soldOutAtLeast" : "soldOutCount", { count: gone }));
  byId("stock-nothing").hidden = data.items.length > 0;
  fillList(byId("shelves"), data.items.slice(0, ROWS), (item) => String(item.id_produit), newShelf, (shelf, item) => {
    const [name, when, units] = shelf.children;
    setText(name, names.get(item.id_produit) ?? text("productNumber", { id: String(item.id_produit) }));
    name.title = name.textContent;
    setText(when, text("countedAgo", { ago: formats.ago(Date.parse(item.counted_at)) }));
    shelf.dataset.level = item.units === 0 ? "none" : item.units <= LOW_UNITS ? "low" : "some";
    setNumber(units, item.units, item.units === 0 ? text("soldOut") : text("units", { count: item.units }));
  });
}

const newShelf = () =>
  element("li", "shelf", element("span", "name"), element("span", "when"), element("data", "units"));
