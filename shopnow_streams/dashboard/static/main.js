// Everything the page is made of, in reading order: endpoints → panels, and what a person may choose.
import { choices, onColours, useTheme } from "./choices.js";
import { dayStart } from "./day.js";
import { byId, setText } from "./dom.js";
import { Events } from "./events.js";
import { Feed } from "./feed.js";
import { drawFunnel } from "./funnel.js";
import { Language } from "./language.js";
import { Names } from "./names.js";
import { Panel, worst } from "./panel.js";
import { Pipeline } from "./pipeline.js";
import { Products } from "./products.js";
import { Push } from "./push.js";
import { Revenue } from "./revenue.js";
import { drawStock, path as stockPath } from "./stock.js";
import { drawToday } from "./today.js";
import { onToken, tokenIsAsked } from "./token.js";

const language = new Language();
const events = new Events(language);
const revenue = new Revenue(language);
const pipeline = new Pipeline(language);
const products = new Products(language, () => feeds.products.turn());
const names = new Names(() => redraw());

const feeds = {
  funnel: new Feed(() => `/api/funnel?from=${dayStart()}`),
  revenue: new Feed(() => `/api/revenue?from=${dayStart(1)}`, { gapMs: 2_000 }),
  products: new Feed(products.path, { gapMs: 3_000 }),
  stock: new Feed(stockPath, { gapMs: 2_000 }),
  ready: new Feed(() => "/health/ready", { gapMs: 4_000 }),
  archive: new Feed(() => "/api/archive", { gapMs: 4_000 }),
  metrics: new Feed(() => "/metrics", { gapMs: 9_000, pollMs: 10_000 }),
};
feeds.products.subscribe(({ data }) => names.learn(data?.items ?? []));

const panels = [
  new Panel("today", [feeds.revenue], language, (news) => drawToday(news, language)),
  new Panel("revenue", [feeds.revenue], language, (news) => revenue.draw(news)),
  new Panel("funnel", [feeds.funnel], language, (news) => drawFunnel(news, language)),
  new Panel("products", [feeds.products], language, (news) => products.draw(news)),
  new Panel("stock", [feeds.stock], language, (news) => drawStock(news, language, names)),
  new Panel("events", [feeds.funnel], language, (news) => events.draw(news)),
  new Panel("pipeline", [feeds.ready, feeds.funnel, feeds.metrics, feeds.archive], language, (...news) => pipeline.draw(...news)),
];
for (const feed of Object.values(feeds)) feed.subscribe(pulse);
feeds.funnel.subscribe(beat);

// an hour's row counts every event but those of stock: products need not be sent to know that they changed
const push = new Push(
  Object.values(feeds),
  {
    tables: { hours: [feeds.funnel, feeds.revenue, feeds.products], stock: [feeds.stock], position: [feeds.funnel] },
    alive: [feeds.ready, feeds.archive, feeds.metrics],
  },
  pulse,
  (name, { offsets }) => offsets && events.stand(offsets),
);

const SAYS = { loading: "connecting", incomplete: "someMissing", silent: "noAnswer" };
const PUSHED = { connecting: "connecting", open: "allWell", reconnecting: "reconnecting", refused: "inTurn", away: "inTurn" };

function pulse() {
  const standing = worst(panels.map((panel) => panel.standing));
  byId("pulse").dataset.standing = standing;
  byId("pulse").dataset.push = push.state;
  setText(byId("pulse-text"), language.text(tokenIsAsked() ? "tokenNeeded" : (SAYS[standing] ?? PUSHED[push.state])));
  const placed = byId("placed-today").textContent;
  document.title = standing === "silent" ? "⚠ ShopNow+" : `${placed ? `${placed} · ` : ""}ShopNow+`;
}

/** A sign of life for each answer, and none without: nothing moves, and nothing is drawn, in between. */
function beat({ silentSinceMs }) {
  if (silentSinceMs !== null || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const dot = document.querySelector("#pulse .dot");
  dot.animate([{ transform: "scale(1.5)" }, { transform: "scale(1)" }], { duration: 450, easing: "ease-out" });
}

function tick() {
  const now = Date.now();
  byId("now").dateTime = new Date(now).toISOString();
  setText(byId("now"), `${language.formats.day(now)}, ${language.formats.clock(now)}`);
  for (const feed of Object.values(feeds)) feed.follow();
  if (push.state === "open") events.look(now);
}

function redraw() {
  for (const panel of panels) panel.update();
  revenue.rebuild();
  events.rebuild();
  pulse();
  tick();
}

language.translate();
language.subscribe(redraw);
onColours(redraw);
choices("language", language.name, (name) => language.choose(name));
choices("theme", document.documentElement.dataset.theme ?? "auto", useTheme);
onToken(() => push.turn());
setInterval(tick, 1_000);
redraw();
push.runWhileVisible();
