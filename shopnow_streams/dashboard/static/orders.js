import { answer } from "./asking.js";
import { byId, element, fillList, numberOf, setNumber, setText } from "./dom.js";
import { Feed } from "./feed.js";

const PAGES = 20;
const PAGE = 500;
const NEWEST = 5;
const TELL_MS = 1_000;
const PATIENCE_MS = 30 * 60_000;
const TROUBLES = [
  { problem: "unpaid", label: "troubleUnpaid" },
  { problem: "amount-mismatch", label: "troubleMismatch" },
  { problem: "paid-twice", label: "troubleTwice" },
  { problem: "paid-before-placed", label: "troubleBefore" },
  { problem: "payment-without-order", label: "troubleWithout" },
];

/** Orders in trouble: found by looking through all once, and from then on as the stream tells of each that changes. */
export class Orders {
  #language;
  #sent = null;
  #telling = 0;

  /** @param {import("./language.js").Language} language */
  constructor(language) {
    this.#language = language;
    this.feed = new Feed(() => `/api/orders?problem=any&limit=${PAGE}`, {
      gapMs: 4_000,
      pollMs: 30_000,
      timeoutMs: 30_000,
      read: (path, signal) => this.#scan(path, signal),
    });
  }

  /** Orders as they are now. @param {{items: object[]} & import("./offsets.js").Standing} changes of the stream */
  take({ items, offsets, partitions, complete }) {
    for (const order of items) this.#sent?.set(order.id_commande, order);
    const { data } = this.feed.news;
    if (data === null) return;
    for (const order of items) put(data.rows, order);
    if (complete) Object.assign(data, { offsets, partitions, complete });
    this.#telling ||= setTimeout(() => {
      this.#telling = 0;
      this.feed.amend((found) => found);
    }, TELL_MS);
  }

  draw({ data }) {
    const { text, formats } = this.#language;
    const { counts, troubled, waiting } = sorted(data.rows.values(), Date.now() - PATIENCE_MS);
    const count = byId("orders-count");
    count.hidden = troubled.length === 0;
    setText(count, formats.number(troubled.length));
    fillList(byId("trouble-counts"), TROUBLES, ({ problem }) => problem, newCount, (row, { problem, label }) => {
      const found = counts.get(problem) ?? 0;
      row.dataset.some = String(found > 0);
      setText(row.firstChild, text(label));
      setNumber(row.lastChild.firstChild, found, formats.number(found));
    });
    byId("orders-nothing").hidden = troubled.length > 0;
    fillList(byId("troubled"), troubled.slice(0, NEWEST), (order) => order.id_commande, newOrder, (row, order) => this.#fill(row, order));
    const notes = [text("waiting", { count: waiting })];
    if (data.more) notes.push(text("notAllLooked", { count: PAGES * 1_000 }));
    setText(byId("orders-note"), notes.join(" · "));
  }

  #fill(row, order) {
    const { text, formats } = this.#language;
    const [id, amount, wrong, when] = row.children;
    setText(id, order.id_commande);
    const cents = order.placed_cents ?? order.paid_cents;
    setNumber(amount, cents, formats.money(cents));
    setText(wrong, order.problems.map((problem) => text(TROUBLES.find((each) => each.problem === problem)?.label ?? "other")).join(", "));
    setText(when, formats.ago(Date.parse(at(order))));
  }

  /** All pages, up to a bound; null where there is no such resource. What the stream sent meanwhile stands. */
  async #scan(path, signal) {
    this.#sent = new Map();
    try {
      const rows = new Map();
      let page = await answer(path, signal);
      for (let pages = 1; page !== null; pages += 1) {
        for (const order of page.items) rows.set(order.id_commande, order);
        if (page.after === null || pages === PAGES) break;
        page = await answer(`${path}&after=${encodeURIComponent(page.after)}`, signal);
      }
      if (page === null) return null;
      for (const order of this.#sent.values()) put(rows, order);
      const { complete, partitions, offsets, after } = page;
      return { rows, complete, partitions, offsets, more: after !== null };
    } finally {
      this.#sent = null;
    }
  }
}

const at = (order) => order.placed_at ?? order.paid_at;

function put(rows, order) {
  if (order.problems.length) rows.set(order.id_commande, order);
  else rows.delete(order.id_commande);
}

/** An order that was placed just now is unpaid, too: that is no trouble yet, but `waiting`. */
function sorted(orders, beforeMs) {
  const counts = new Map();
  const troubled = [];
  let waiting = 0;
  for (const order of orders) {
    if (order.problems.includes("unpaid") && Date.parse(order.placed_at) >= beforeMs) {
      waiting += 1;
      continue;
    }
    troubled.push(order);
    for (const problem of order.problems) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  }
  troubled.sort((one, other) => Date.parse(at(other)) - Date.parse(at(one)));
  return { counts, troubled, waiting };
}

const newCount = () => element("div", "trouble", element("dt"), element("dd", "", numberOf("", "")));
const newOrder = () =>
  element("li", "order", element("b", "name"), element("data", "value"), element("span", "wrong"), element("span", "when"));
