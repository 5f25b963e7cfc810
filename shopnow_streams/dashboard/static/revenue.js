import { axis, bars, Chart, colour } from "./chart.js";
import { Choice } from "./choices.js";
import { dayStart, sum } from "./day.js";
import { byId, element, fillList, numberOf, setText } from "./dom.js";
import { SPANS } from "./spans.js";

/** Revenue of the last minutes, hours or days as bars: what was paid, in front of what was ordered. */
export class Revenue {
  #language;
  #chart;
  #by;
  #spans = [];
  #tip = element("div", "tip");

  /**
   * @param {import("./language.js").Language} language
   * @param {() => void} turned called when other bars were chosen
   */
  constructor(language, turned) {
    this.#language = language;
    this.#by = new Choice("revenue-by", "hour", () => {
      byId("revenue-chart").classList.add("turning");
      turned();
    });
    this.#chart = new Chart(byId("revenue-chart"), () => this.#options());
    this.#tip.hidden = true;
    this.#tip.setAttribute("aria-hidden", "true"); // the table has the same
    byId("revenue-chart").append(this.#tip);
  }

  /** Whether bars are hours: these are known anyway. */
  get hourly() {
    return this.#by.value === "hour";
  }

  /** Of two days, whose hours are shown, and compared. */
  hoursPath = () => `/api/revenue?from=${dayStart(1)}`;

  /** Of minutes or days; null where hours are shown. */
  spansPath = () => (this.hourly ? null : SPANS[this.#by.value].path);

  rebuild() {
    this.#chart.rebuild();
  }

  draw({ data, path }) {
    if (path !== (this.spansPath() ?? this.hoursPath())) return; // what is shown stays until the answer comes
    byId("revenue-chart").classList.remove("turning");
    const { text, formats } = this.#language;
    const { shown, title, unit, name } = SPANS[this.#by.value];
    this.#spans = shown(data, Date.now());
    const placed = sum(this.#spans, "placed_cents");
    const best = this.#spans.reduce((most, span) => (span.placed_cents > most.placed_cents ? span : most));
    byId("revenue-nothing").hidden = placed > 0;
    setText(byId("revenue-nothing"), text("nothingOrdered"));
    for (const id of ["revenue-title", "revenue-caption"]) setText(byId(id), text(title));
    setText(byId("revenue-unit"), text(unit));
    const values = {
      title: text(title),
      placed: formats.money(placed),
      paid: formats.money(sum(this.#spans, "paid_cents")),
      span: name(best, formats),
      most: formats.money(best.placed_cents),
    };
    byId("revenue-chart").setAttribute("aria-label", text("revenueChart", values));
    this.#chart.show([
      this.#spans.map((span) => span.startMs / 1000),
      this.#spans.map((span) => span.placed_cents),
      this.#spans.map((span) => span.paid_cents),
    ]);
    this.#table(name);
  }

  #table(name) {
    const { text, formats } = this.#language;
    fillList(byId("revenue-rows"), [...this.#spans].reverse(), (span) => String(span.startMs), newRow, (row, span) => {
      const [head, orders, placed, paid] = row.children;
      setText(head, span.running ? text("stillRunning") : name(span, formats));
      orders.replaceChildren(numberOf(span.orders, formats.number(span.orders)));
      placed.replaceChildren(numberOf(span.placed_cents, formats.money(span.placed_cents)));
      paid.replaceChildren(numberOf(span.paid_cents, formats.money(span.paid_cents)));
    });
  }

  #options() {
    const { formats } = this.#language;
    const { lastsMs, ticks, tick } = SPANS[this.#by.value];
    const series = (name, width) => ({
      fill: () => colour(name),
      stroke: "transparent",
      width: 0,
      paths: bars({ size: [width, 80], radius: 0.22 }),
      points: { show: false },
    });
    const half = (0.55 * lastsMs) / 1000;
    return {
      scales: {
        x: { time: false, range: (_, low, high) => [low - half, high + half] },
        y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] },
      },
      series: [{}, series("placed-soft", 0.76), series("paid", 0.4)],
      axes: [
        axis({
          grid: { show: false },
          size: 28,
          splits: (plot) => ticks(this.#spans, plot.width),
          values: (_, moments) => moments.map((seconds) => tick(seconds * 1000, formats)),
        }),
        axis({ size: (plot, labels) => widest(plot, labels), values: (_, amounts) => amounts.map(formats.shortMoney) }),
      ],
      padding: [10, 6, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [(plot) => this.#point(plot)], ready: [(plot) => plot.over.append(this.#tip)] },
    };
  }

  #point(plot) {
    const { text, formats } = this.#language;
    const { idx, left } = plot.cursor;
    const span = left < 0 ? null : this.#spans[idx];
    this.#tip.hidden = !span;
    if (!span) return;
    this.#tip.replaceChildren(
      element("b", "", span.running ? text("stillRunning") : SPANS[this.#by.value].name(span, formats)),
      element("span", "key placed", `${text("placed")} ${formats.money(span.placed_cents)}`),
      element("span", "key paid", `${text("paid")} ${formats.money(span.paid_cents)}`),
      element("span", "", `${text("orders")} ${formats.number(span.orders)}`),
    );
    const width = plot.over.clientWidth;
    this.#tip.style.left = `${Math.min(Math.max(left, this.#tip.offsetWidth / 2), width - this.#tip.offsetWidth / 2)}px`;
  }
}

const newRow = () => {
  const row = element("tr", "", element("th"), element("td"), element("td"), element("td"));
  row.firstChild.scope = "row";
  return row;
};

function widest(plot, labels) {
  plot.ctx.save();
  plot.ctx.font = plot.axes[1].font[0];
  const width = Math.max(0, ...(labels ?? []).map((label) => plot.ctx.measureText(label).width / devicePixelRatio));
  plot.ctx.restore();
  return Math.ceil(width) + 14;
}
