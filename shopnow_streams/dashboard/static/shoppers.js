// The tiles about what customers do: their carts, and their visits.
import { byId, setNumber, setText } from "./dom.js";

export const cartsPath = () => "/api/carts?limit=1";
export const sessionsPath = () => "/api/sessions?last_h=1&limit=1";

/** What is in carts, and what was left in them. @param {import("./language.js").Language} language */
export function drawCarts({ data }, { formats }) {
  for (const state of ["open", "abandoned"]) {
    const { carts, value_cents: cents } = data[state];
    setNumber(byId(`carts-${state}`), carts, formats.number(carts));
    setNumber(byId(`carts-${state}-value`), cents, formats.wholeMoney(cents));
  }
}

/** Visits of the last hour of event time. @param {import("./language.js").Language} language */
export function drawSessions({ data }, { text, formats }) {
  const { sessions, conversion_rate: rate, open } = data.summary;
  setNumber(byId("sessions-count"), sessions, formats.number(sessions));
  const share = rate === null ? text("none") : formats.percent(rate);
  setText(byId("sessions-note"), text("sessionsNote", { share, open }));
}
