import { byId, setText } from "./dom.js";

/** @typedef {"loading" | "live" | "incomplete" | "silent"} Standing */

const ORDER = ["live", "loading", "incomplete", "silent"];

/** The standing to show where several are at once. @param {Standing[]} standings @returns {Standing} */
export const worst = (standings) => ORDER[Math.max(0, ...standings.map((standing) => ORDER.indexOf(standing)))];

/** @param {import("./feed.js").News} news @returns {Standing} */
export function standingOf(news) {
  if (news.silentSinceMs !== null) return "silent";
  if (news.data === null) return news.absent ? "live" : "loading";
  return news.data.complete === false ? "incomplete" : "live";
}

/** A part of the page that draws what its feeds say, and says itself where they say too little. */
export class Panel {
  #shown;
  #draw;
  #language;
  /** @type {Standing} */
  standing = "loading";

  /**
   * @param {string} id of the section; it holds a `.badge`
   * @param {import("./feed.js").Feed[]} feeds
   * @param {import("./language.js").Language} language
   * @param {(...news: import("./feed.js").News[]) => void} draw called once every feed was answered
   * @param {() => import("./feed.js").Feed[]} [shown] those of the feeds that are shown now; all without it
   */
  constructor(id, feeds, language, draw, shown = () => feeds) {
    this.root = byId(id);
    this.badge = this.root.querySelector(".badge");
    this.#shown = shown;
    this.#language = language;
    this.#draw = draw;
    for (const feed of feeds) feed.subscribe(() => this.update());
  }

  update() {
    const news = this.#shown().map((feed) => feed.news);
    this.standing = worst(news.map(standingOf));
    this.root.dataset.standing = this.standing;
    setText(this.badge, this.#says(news));
    if (news.every(({ data, absent }) => data !== null || absent)) this.#draw(...news);
  }

  #says(news) {
    const { text, formats } = this.#language;
    if (this.standing === "silent") {
      const since = Math.min(...news.map((each) => each.silentSinceMs ?? Infinity));
      return text("silentSince", { time: formats.time(since) });
    }
    if (this.standing !== "incomplete") return "";
    const data = news.find((each) => each.data?.complete === false).data;
    if (!data.partitions && !data.workers) return text("notReadYet");
    const { answered, of } = data.partitions ?? data.workers;
    return text(data.partitions ? "partitionsAnswered" : "workersAnswered", { answered, of });
  }
}
