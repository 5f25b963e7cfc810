import { byId, element, fillList, setText } from "./dom.js";

const ROWS = 7;
const OLD_MS = 90_000;

/** How bad it is where a rule is broken, what its subject is, and what its numbers say where they are no limit and what passed it. */
const RULES = {
  "low-stock": { severity: "warning", label: "ruleLowStock", of: "product" },
  "running-out": { severity: "warning", label: "ruleRunningOut", of: "product" },
  "unpaid-order": { severity: "warning", label: "ruleUnpaid", of: "order", says: "unpaidFor" },
  "payment-mismatch": { severity: "critical", label: "ruleMismatch", of: "order", says: "insteadOf" },
  "paid-twice": { severity: "critical", label: "rulePaidTwice", of: "order", says: "payments" },
  "rate-fall": { severity: "critical", label: "ruleFall", of: "stage" },
  "rate-spike": { severity: "notice", label: "ruleSpike", of: "stage" },
};
const UNKNOWN = { severity: "notice", label: null, of: "order" }; // a newer worker's rule
const ICONS = { critical: "✕", warning: "!", notice: "i", resolved: "✓" };
const SEVERITIES = { critical: "critical", warning: "warning", notice: "notice", resolved: "resolved" };
const STAGES = { views: "topicViews", adds: "topicAdds", orders: "topicOrders", payments: "topicPayments" };

export const path = () => `/api/alerts?state=any&limit=${ROWS}`;

/** What somebody should look at: the newest on top; what is over stays for a while, greyed. */
export class Alerts {
  #language;
  #names;

  /** @param {import("./language.js").Language} language @param {import("./names.js").Names} names */
  constructor(language, names) {
    this.#language = language;
    this.#names = names;
  }

  draw({ data, absent }) {
    const { text, formats } = this.#language;
    const items = data?.items ?? [];
    const open = Object.values(data?.open ?? {}).reduce((sum, count) => sum + count, 0);
    const count = byId("alerts-open");
    count.hidden = open === 0;
    setText(count, text("alertsOpen", { count: open }));
    byId("alerts-nothing").hidden = items.length > 0;
    setText(byId("alerts-nothing"), text(absent ? "alertsAbsent" : "alertsNone"));
    fillList(byId("alert-rows"), items, ({ id }) => id, newAlert, (row, alert) => this.#fill(row, alert));
    setText(byId("alerts-judged"), absent ? "" : this.#judged(data.judged_at, formats, text));
  }

  /** Tell who can't see it. @param {object[]} items alerts raised just now */
  announce(items) {
    const raised = items.filter(({ state }) => state === "raised");
    if (!raised.length) return;
    const { text } = this.#language;
    const more = raised.length > 1 ? ` ${text("alertsMore", { count: raised.length - 1 })}` : "";
    const newest = raised.at(-1);
    const news = text("alertRaised", { rule: this.#rule(newest), subject: this.#subject(newest) });
    setText(byId("alerts-news"), `${news}${more}`);
  }

  #fill(row, alert) {
    const { text, formats } = this.#language;
    const kind = alert.state === "resolved" ? "resolved" : of(alert).severity;
    const [icon, head, detail] = row.children;
    row.dataset.severity = kind;
    row.dataset.of = of(alert).of;
    setText(icon, ICONS[kind]);
    const [word, title, when] = head.children;
    setText(word, text(SEVERITIES[kind]));
    setText(title, this.#rule(alert));
    when.dateTime = alert.at;
    setText(when, formats.clock(Date.parse(alert.at)));
    const [subject, number] = detail.children;
    setText(subject.firstChild, this.#subject(alert));
    subject.title = subject.textContent;
    setText(number, this.#number(alert));
  }

  #rule(alert) {
    const { label } = of(alert);
    return label ? this.#language.text(label) : alert.rule;
  }

  #subject(alert) {
    const { text } = this.#language;
    const { subject } = alert;
    const names = {
      product: () => this.#names.get(Number(subject)) ?? text("productNumber", { id: subject }),
      order: () => text("orderNumber", { id: subject }),
      stage: () => (subject in STAGES ? text(STAGES[subject]) : subject),
    };
    return names[of(alert).of]();
  }

  #number(alert) {
    const { text, formats } = this.#language;
    const { value, threshold, unit, message } = alert;
    const write = {
      units: formats.number,
      hours: formats.hours,
      minutes: (minutes) => formats.hours(minutes / 60),
      cents: formats.money,
      payments: formats.number,
      "per minute": (rate) => text("perMinute", { rate: formats.rate(rate) }),
    }[unit];
    if (!write || value === null || threshold === null) return message;
    return text(of(alert).says ?? "valueAndThreshold", { value: write(value), threshold: write(threshold) });
  }

  #judged(at, formats, text) {
    if (at === null) return text("judgedNever");
    const ms = Date.parse(at);
    return text(Date.now() - ms > OLD_MS ? "judgedOld" : "judgedAt", { time: formats.time(ms) });
  }
}

const of = ({ rule }) => RULES[rule] ?? UNKNOWN;

const newAlert = () => {
  const icon = element("span", "icon");
  icon.setAttribute("aria-hidden", "true"); // the word beside it says the same
  return element("li", "alert", icon, element("p", "alert-head", element("b", "word"), element("span", "name"), element("time")), element("p", "detail", element("span", "name", element("bdi")), element("span", "number")));
};
