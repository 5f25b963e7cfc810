// Everything the page is made of, in reading order: endpoints → panels, what pushes, and what a person may choose.
import { Alerts, path as alertsPath } from "./alerts.js";
import { Choice, onColours, useTheme } from "./choices.js";
import { Events } from "./events.js";
import { Feed } from "./feed.js";
import { drawFunnel, path as funnelPath } from "./funnel.js";
import { Language } from "./language.js";
import { Names } from "./names.js";
import { Orders } from "./orders.js";
import { Panel } from "./panel.js";
import { Pipeline } from "./pipeline.js";
import { Products } from "./products.js";
import { Pulse } from "./pulse.js";
import { Push } from "./push.js";
import { Revenue } from "./revenue.js";
import { cartsPath, drawCarts, drawSessions, sessionsPath } from "./shoppers.js";
import { Stock } from "./stock.js";
import { drawToday, path as todayPath } from "./today.js";
import { onToken } from "./token.js";
import { Trending } from "./trending.js";

const language = new Language();
const names = new Names(() => redraw());
const events = new Events(language);
const alerts = new Alerts(language, names);
const orders = new Orders(language);
const pipeline = new Pipeline(language);
const products = new Products(language, () => feeds.products.turn());
const stock = new Stock(language, names, () => feeds.stock.turn());
const trending = new Trending(language, () => feeds.trending.turn());
const revenue = new Revenue(language, () => {
  feeds.spans.turn();
  byPanel.revenue.update();
});

const feeds = {
  today: new Feed(todayPath),
  funnel: new Feed(funnelPath),
  hours: new Feed(revenue.hoursPath, { gapMs: 2_000 }),
  spans: new Feed(revenue.spansPath, { gapMs: 2_000 }),
  trending: new Feed(trending.path, { gapMs: 2_000 }),
  products: new Feed(products.path, { gapMs: 3_000 }),
  stock: new Feed(stock.path, { gapMs: 4_000 }),
  carts: new Feed(cartsPath, { gapMs: 4_000 }),
  sessions: new Feed(sessionsPath, { gapMs: 4_000 }),
  orders: orders.feed,
  alerts: new Feed(alertsPath, { freshMs: 10_000 }),
  late: new Feed(() => "/api/late?limit=1", { gapMs: 4_000 }),
  ready: new Feed(() => "/health/ready"),
  archive: new Feed(() => "/api/archive"),
  metrics: new Feed(() => "/metrics", { pollMs: 10_000, freshMs: 9_000 }),
};
const all = Object.values(feeds);
for (const feed of [feeds.products, feeds.trending]) feed.subscribe(({ data }) => names.learn(data?.items ?? []));

const panel = (id, shown, draw, now) => new Panel(id, shown, language, draw, now);
const byPanel = {
  today: panel("today", [feeds.today, feeds.hours], (...news) => drawToday(...news, language)),
  carts: panel("carts", [feeds.carts], (news) => drawCarts(news, language)),
  sessions: panel("sessions", [feeds.sessions], (news) => drawSessions(news, language)),
  revenue: panel(
    "revenue",
    [feeds.hours, feeds.spans],
    (news) => revenue.draw(news),
    () => [revenue.hourly ? feeds.hours : feeds.spans],
  ),
  funnel: panel("funnel", [feeds.funnel], (news) => drawFunnel(news, language)),
  alerts: panel("alerts", [feeds.alerts], (news) => alerts.draw(news)),
  trending: panel("trending", [feeds.trending], (news) => trending.draw(news)),
  products: panel("products", [feeds.products], (news) => products.draw(news)),
  stock: panel("stock", [feeds.stock], (news) => stock.draw(news)),
  orders: panel("orders", [feeds.orders], (news) => orders.draw(news)),
  events: panel("events", [feeds.funnel], (news) => events.draw(news)),
  pipeline: panel("pipeline", [feeds.ready, feeds.funnel, feeds.metrics, feeds.archive, feeds.late], (...news) =>
    pipeline.draw(...news),
  ),
};
const panels = Object.values(byPanel);

// an hour's row counts every event but those of stock: nothing else has to be sent to know that all these changed
const { today, funnel, hours, spans, carts, sessions, late, ready, archive, metrics } = feeds;
const push = new Push(
  all,
  {
    tables: {
      hours: [today, funnel, hours, spans, feeds.trending, feeds.products, feeds.stock, carts, sessions, late],
      stock: [feeds.stock],
      alerts: [feeds.alerts],
      position: [funnel],
    },
    alive: [feeds.alerts, ready, archive, metrics],
  },
  {
    turned: () => pulse.show(),
    heard: (name, data) => {
      if (data.offsets) events.stand(data.offsets);
      if (name === "orders") orders.take(data);
      if (name === "alerts" && !data.whole) alerts.announce(data.items);
    },
  },
);
const pulse = new Pulse(language, panels, push);
for (const feed of all) feed.subscribe(() => pulse.show());
feeds.funnel.subscribe((news) => pulse.beat(news));

function tick() {
  pulse.tick();
  for (const feed of all) feed.follow();
  if (push.state === "open") events.look(Date.now());
}

function redraw() {
  for (const each of panels) each.update();
  revenue.rebuild();
  events.rebuild();
  pulse.show();
  tick();
}

language.translate();
language.subscribe(redraw);
onColours(redraw);
new Choice("language", language.name, (name) => language.choose(name));
new Choice("theme", "auto", useTheme);
onToken(() => push.turn());
setInterval(tick, 1_000);
setInterval(() => panels.forEach((each) => each.update()), 30_000); // "a minute ago" goes on
redraw();
push.runWhileVisible();
