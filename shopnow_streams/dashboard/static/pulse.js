import { byId, setText } from "./dom.js";
import { worst } from "./panel.js";
import { tokenIsAsked } from "./token.js";

const SAYS = { loading: "connecting", incomplete: "someMissing", silent: "noAnswer" };
const PUSHED = { connecting: "connecting", open: "allWell", reconnecting: "reconnecting", refused: "inTurn", away: "inTurn" };

/** Whether all this is live, in words that a screen reader is told of; and what time it is. */
export class Pulse {
  #language;
  #panels;
  #push;

  /**
   * @param {import("./language.js").Language} language
   * @param {import("./panel.js").Panel[]} panels
   * @param {import("./push.js").Push} push
   */
  constructor(language, panels, push) {
    this.#language = language;
    this.#panels = panels;
    this.#push = push;
  }

  show() {
    const standing = worst(this.#panels.map((panel) => panel.standing));
    const push = this.#push.state;
    const root = byId("pulse");
    root.dataset.standing = standing;
    root.dataset.push = push;
    setText(byId("pulse-text"), this.#language.text(tokenIsAsked() ? "tokenNeeded" : (SAYS[standing] ?? PUSHED[push])));
    const placed = byId("placed-today").textContent;
    document.title = standing === "silent" ? "⚠ ShopNow+" : `${placed ? `${placed} · ` : ""}ShopNow+`;
  }

  /** A sign of life for each answer, and none without: nothing moves, and nothing is drawn, in between. */
  beat({ silentSinceMs }) {
    if (silentSinceMs !== null || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const dot = document.querySelector("#pulse .dot");
    dot.animate([{ transform: "scale(1.5)" }, { transform: "scale(1)" }], { duration: 450, easing: "ease-out" });
  }

  tick() {
    const { formats } = this.#language;
    const now = Date.now();
    byId("now").dateTime = new Date(now).toISOString();
    setText(byId("now"), `${formats.day(now)}, ${formats.clock(now)}`);
  }
}
