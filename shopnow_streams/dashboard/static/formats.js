const FALLBACK = { en: "en-GB", fr: "fr-FR" };
const BYTES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Numbers, money and moments as one language writes them; in the browser's own variety of it, such as fr-CA. */
export class Formats {
  /** @param {"en" | "fr"} language */
  constructor(language) {
    const locale = navigator.languages.find((name) => name.toLowerCase().split("-")[0] === language && name.includes("-"));
    this.locale = locale ?? FALLBACK[language];
    const number = (options) => new Intl.NumberFormat(this.locale, options);
    const moment = (options) => new Intl.DateTimeFormat(this.locale, options);
    const euros = { style: "currency", currency: "EUR" };
    this.#number = number();
    this.#oneDecimal = number({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.#money = number(euros);
    this.#wholeMoney = number({ ...euros, maximumFractionDigits: 0 });
    this.#shortMoney = number({ ...euros, notation: "compact", maximumFractionDigits: 1, minimumFractionDigits: 0 });
    this.#percent = number({ style: "percent", maximumFractionDigits: 1 });
    this.#change = number({ style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" });
    this.#bytes = BYTES.map((unit) => number({ style: "unit", unit, maximumFractionDigits: 1 }));
    this.#time = moment({ timeStyle: "medium" });
    this.#clock = moment({ timeStyle: "short" });
    this.#hour = moment({ hour: "2-digit", minute: "2-digit" });
    this.#day = moment({ weekday: "long", day: "numeric", month: "long" });
    this.#dayHour = moment({ weekday: "short", hour: "2-digit", minute: "2-digit" });
    this.#utcDay = moment({ day: "numeric", month: "short", timeZone: "UTC" });
    this.#decimal = number({ maximumFractionDigits: 2 });
    const span = (unit, digits) => number({ style: "unit", unit, maximumFractionDigits: digits });
    this.#hours = { minute: span("minute", 0), hour: span("hour", 1), day: span("day", 0) };
    this.#ago = new Intl.RelativeTimeFormat(this.locale, { numeric: "auto", style: "short" });
  }

  #number;
  #oneDecimal;
  #money;
  #wholeMoney;
  #shortMoney;
  #percent;
  #change;
  #bytes;
  #time;
  #clock;
  #hour;
  #day;
  #dayHour;
  #utcDay;
  #decimal;
  #hours;
  #ago;

  number = (value) => this.#number.format(value);
  rate = (value) => (value > 0 && value < 10 ? this.#oneDecimal : this.#number).format(value < 10 ? value : Math.round(value));
  money = (cents) => this.#money.format(cents / 100);
  wholeMoney = (cents) => this.#wholeMoney.format(Math.round(cents / 100));
  shortMoney = (cents) => this.#shortMoney.format(cents / 100);
  percent = (share) => this.#percent.format(share);
  change = (share) => this.#change.format(share);
  time = (ms) => this.#time.format(ms);
  clock = (ms) => this.#clock.format(ms);
  hour = (ms) => this.#hour.format(ms);
  day = (ms) => this.#day.format(ms);
  dayHour = (ms) => this.#dayHour.format(ms);
  utcDay = (ms) => this.#utcDay.format(ms);
  decimal = (value) => this.#decimal.format(value);

  /** A span of so many hours, in the unit that suits it. */
  hours = (hours) => {
    if (hours < 1) return this.#hours.minute.format(Math.round(hours * 60));
    return hours < 48 ? this.#hours.hour.format(hours) : this.#hours.day.format(Math.round(hours / 24));
  };

  bytes(count) {
    const power = Math.min(count > 0 ? Math.floor(Math.log10(count) / 3) : 0, BYTES.length - 1);
    return this.#bytes[power].format(count / 1000 ** power);
  }

  ago(ms, nowMs = Date.now()) {
    const seconds = Math.min(0, Math.round((ms - nowMs) / 1000));
    if (seconds > -60) return this.#ago.format(0, "second");
    if (seconds > -3_600) return this.#ago.format(Math.trunc(seconds / 60), "minute");
    if (seconds > -86_400) return this.#ago.format(Math.trunc(seconds / 3_600), "hour");
    return this.#ago.format(Math.trunc(seconds / 86_400), "day");
  }
}
