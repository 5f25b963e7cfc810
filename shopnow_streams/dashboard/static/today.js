import { between, dayStart, hourName, hourStartMs, sum } from "./day.js";
import { byId, setNumber, setShare, setText } from "./dom.js";

/** Revenue and orders since midnight, here. @param {import("./language.js").Language} language */
export function drawToday({ data }, { text, formats }) {
  const today = between(data.items, dayStart());
  const [orders, placed, payments, paid] = ["orders", "placed_cents", "payments", "paid_cents"].map((field) => sum(today, field));
  setNumber(byId("placed-today"), placed, formats.money(placed));
  setNumber(byId("paid-today"), paid, formats.money(paid));
  setNumber(byId("orders-today"), orders, formats.number(orders));
  setNumber(byId("payments-today"), payments, formats.number(payments));
  const unpaid = Math.max(0, orders - payments); // payments of earlier orders, or in parts, blur it: "about"
  setNumber(byId("unpaid-today"), unpaid, formats.number(unpaid));
  setShare(byId("paid-bar"), paid / placed);
  setShare(byId("payments-bar"), payments / orders);
  setText(byId("basket-note"), orders ? text("basket", { amount: formats.money(placed / orders) }) : text("noOrders"));
  setText(byId("paid-note"), placed ? text("paidShare", { share: formats.percent(paid / placed) }) : "");
  const note = byId("placed-note");
  const change = againstYesterday(data.items);
  note.dataset.trend = change === null || Math.abs(change) < 0.005 ? "" : change > 0 ? "up" : "down";
  const hour = formats.clock(hourStartMs(hourName(Date.now())));
  setText(note, change === null ? "" : text("againstYesterday", { change: formats.change(change), hour }));
}

/** Whole hours of today beside the same ones of yesterday; null where there is nothing to compare. */
function againstYesterday(items) {
  const nowMs = Date.now();
  const before = sum(between(items, dayStart(1), hourName(nowMs - 24 * 3_600_000)), "placed_cents");
  const since = sum(between(items, dayStart(), hourName(nowMs)), "placed_cents");
  return before && since ? since / before - 1 : null;
}
