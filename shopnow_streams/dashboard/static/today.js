import { between, dayStart, hourName, hourStartMs, sum } from "./day.js";
import { byId, setNumber, setShare, setText } from "./dom.js";

export const path = () => `/api/revenue?from=${dayStart()}`;

/**
 * Revenue and orders since midnight, here.
 * @param {import("./feed.js").News} today
 * @param {import("./feed.js").News} twoDays
 * @param {import("./language.js").Language} language
 */
export function drawToday(today, twoDays, { text, formats }) {
  const { orders, placed_cents: placed, payments, paid_cents: paid, ...basket } = today.data.total;
  setNumber(byId("placed-today"), placed, formats.money(placed));
  setNumber(byId("paid-today"), paid, formats.money(paid));
  setNumber(byId("orders-today"), orders, formats.number(orders));
  setNumber(byId("payments-today"), payments, formats.number(payments));
  const unpaid = Math.max(0, orders - payments); // payments of earlier orders, or in parts, blur it: "about"
  setNumber(byId("unpaid-today"), unpaid, formats.number(unpaid));
  setShare(byId("paid-bar"), paid / placed);
  setShare(byId("payments-bar"), payments / orders);
  setText(byId("payments-note"), orders ? text("paymentsShare", { share: formats.percent(payments / orders) }) : text("noOrders"));
  setText(byId("paid-note"), placed ? text("paidShare", { share: formats.percent(paid / placed) }) : "");
  drawBasket(basket, { text, formats });
  const note = byId("placed-note");
  const change = againstYesterday(twoDays.data.items);
  note.dataset.trend = change === null || Math.abs(change) < 0.005 ? "" : change > 0 ? "up" : "down";
  const hour = formats.clock(hourStartMs(hourName(Date.now())));
  setText(note, change === null ? "" : text("againstYesterday", { change: formats.change(change), hour }));
}

function drawBasket({ average_basket_cents: cents, items_per_basket: items }, { text, formats }) {
  setNumber(byId("basket-today"), cents ?? "", cents === null ? text("none") : formats.money(cents));
  setNumber(byId("basket-items"), items ?? "", items === null ? text("none") : formats.decimal(items));
}

/** Whole hours of today beside the same ones of yesterday; null where there is nothing to compare. */
function againstYesterday(items) {
  const nowMs = Date.now();
  const before = sum(between(items, dayStart(1), hourName(nowMs - 24 * 3_600_000)), "placed_cents");
  const since = sum(between(items, dayStart(), hourName(nowMs)), "placed_cents");
  return before && since ? since / before - 1 : null;
}
