import { axis, Chart, colour, smooth } from "./chart.js";
import { byId, element, fillList, setNumber, setShare, setText } from "./dom.js";
import { reaches, total } from "./offsets.js";
import { Rates } from "./rates.js";

const SHOWN_S = 180;
const SHOWN_AT_FIRST_S = 45;
const STEPS = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6].map((power) => step * 10 ** power)).sort((a, b) => a - b);
const TOPICS = [
  { topic: "produit-consulte", label: "topicViews" },
  { topic: "article-ajoute", label: "topicAdds" },
  { topic: "commande-validee", label: "topicOrders" },
  { topic: "paiement-accepte", label: "topicPayments" },
  { topic: "stock-mis-a-jour", label: "topicStock" },
];

/** How fast events are counted, by topic; and the last minutes of all of them as a line. */
export class Events {
  #language;
  #rates = new Rates();
  #chart;
  #seenMs = 0;
  #offsets = null;

  /** @param {import("./language.js").Language} language */
  constructor(language) {
    this.#language = language;
    this.#chart = new Chart(byId("events-chart"), () => this.#options());
  }

  rebuild() {
    this.#chart.rebuild();
  }

  draw({ data, atMs }) {
    if (atMs !== this.#seenMs) {
      if (!this.#offsets || !reaches(this.#offsets, data.offsets)) this.#offsets = data.offsets; // the stream knew more
      this.#rates.look(this.#offsets, atMs);
    }
    this.#seenMs = atMs;
    this.#show();
  }

  /** The stream stands there. */
  stand(offsets) {
    this.#offsets = offsets;
  }

  /** Nothing came since, as far as the stream tells. */
  look(nowMs) {
    if (this.#offsets === null || document.hidden) return;
    this.#rates.look(this.#offsets, nowMs);
    this.#show();
  }

  #show() {
    const { text, formats } = this.#language;
    const offsets = this.#offsets;
    const { perS, history, known } = this.#rates;
    const all = known ? history.at(-1).perS : null;
    const rate = (value) => (value === null ? text("none") : formats.rate(value));
    setNumber(byId("events-total"), all ?? "", all === null ? text("measuring") : rate(all));
    byId("events-chart").setAttribute("aria-label", text("eventsChart", { rate: rate(all) }));
    const most = Math.max(...Object.values(perS), 0.001);
    fillList(byId("topic-rows"), TOPICS, ({ topic }) => topic, newRow, (row, { topic, label }) => {
      const [name, speed, counted] = row.children;
      const now = known ? (perS[topic] ?? 0) : null;
      const records = total(offsets, topic);
      setText(name.firstChild, text(label));
      setText(name.lastChild, topic);
      setNumber(speed.firstChild, now ?? "", rate(now));
      setShare(speed.lastChild.firstChild, (now ?? 0) / most);
      setNumber(counted.firstChild, records, text("countedTotal", { count: records }));
    });
    this.#chart.show([history.map((point) => point.atMs / 1000), history.map((point) => point.perS)]);
  }

  #options() {
    const { formats } = this.#language;
    return {
      scales: {
        x: { time: false, range: (_, low, high) => [high - Math.min(SHOWN_S, Math.max(SHOWN_AT_FIRST_S, high - low)), high] },
        y: { range: (_, low, high) => [0, Math.max(high, 4) * 1.15] },
      },
      series: [
        {},
        { stroke: () => colour("pace"), fill: () => colour("pace-soft"), width: 2, paths: smooth(), points: { show: false } },
      ],
      axes: [{ show: false }, axis({ side: 1, size: 44, space: 24, incrs: STEPS, values: (_, rates) => rates.map((each) => formats.number(each)) })],
      cursor: { show: false },
    };
  }
}

const newRow = () => {
  const row = element(
    "tr",
    "",
    element("th", "", element("b"), element("small")),
    element("td", "speed", element("data"), element("span", "bar", element("i"))),
    element("td", "counted", element("data")),
  );
  row.firstChild.scope = "row";
  return row;
};
