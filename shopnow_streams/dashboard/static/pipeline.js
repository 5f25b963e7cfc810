import { byId, setNumber, setText } from "./dom.js";
import { samples } from "./exposition.js";

/** How the machinery is: this worker, all partitions, what was rejected, and the archive. */
export class Pipeline {
  #language;

  /** @param {import("./language.js").Language} language */
  constructor(language) {
    this.#language = language;
  }

  draw(ready, funnel, metrics, archive, late) {
    this.#ready(ready.data);
    this.#partitions(funnel.data.partitions);
    this.#rejected(metrics.data, funnel.data.partitions.of);
    this.#late(late.data);
    this.#archive(archive.data, funnel.data.offsets);
  }

  #ready({ status, reasons, lag }) {
    const { text, formats } = this.#language;
    const well = status === "ready";
    mark("ready", well ? "good" : "bad");
    setText(byId("ready"), text(well ? "ready" : "notReady"));
    setText(byId("ready-note"), well ? text("readyNote") : reasons.join("; "));
    setNumber(byId("lag"), lag, formats.number(lag));
  }

  #partitions({ answered, of }) {
    mark("partitions", answered === of ? "good" : "bad");
    setNumber(byId("partitions"), answered, this.#language.text("partitionsOf", { answered, of }));
  }

  #rejected(metrics, of) {
    const { text, formats } = this.#language;
    const rejected = samples(metrics, "shopnow_rejected_records").filter(({ value }) => value > 0);
    const count = rejected.reduce((sum, { value }) => sum + value, 0);
    const owned = samples(metrics, "shopnow_partitions_owned")[0]?.value ?? 0;
    const reasons = Map.groupBy(rejected, ({ labels }) => labels.reason);
    const most = [...reasons].map(([reason, all]) => [all.reduce((sum, { value }) => sum + value, 0), reason]);
    const reason = most.sort(([one], [other]) => other - one)[0]?.[1];
    const notes = [reason ? text("rejectedNote", { reason }) : text("rejectedNone")];
    if (owned !== of) notes.push(text("rejectedShare", { owned, of }));
    setNumber(byId("rejected"), count, formats.number(count));
    setText(byId("rejected-note"), notes.join(", "));
  }

  #late(page) {
    const { text, formats } = this.#language;
    if (page === null) return;
    const [late, ahead] = ["late", "ahead"].map((field) => page.topics.reduce((sum, topic) => sum + topic[field], 0));
    setNumber(byId("late"), late + ahead, formats.number(late + ahead));
    setText(byId("late-note"), late + ahead ? text("lateNote", { late, ahead }) : text("lateNone"));
    const asOfMs = Date.parse(page.as_of);
    const known = asOfMs > 0;
    byId("event-time").dateTime = page.as_of;
    setText(byId("event-time"), known ? formats.time(asOfMs) : text("none"));
    setText(byId("event-time-note"), known ? text("newestEvent", { ago: formats.ago(asOfMs) }) : text("noEvent"));
  }

  #archive(archive, tables) {
    const { text, formats } = this.#language;
    if (archive === null) {
      mark("archive", "");
      mark("outage", "");
      setNumber(byId("archived"), "", text("none"));
      setText(byId("archive-note"), text("archiveAbsent"));
      setText(byId("outage"), text("none"));
      setText(byId("outage-note"), "");
      return;
    }
    const { archived, behind, known } = position(archive.offsets, tables);
    const size = formats.bytes(archive.bytes);
    const level = behind ? "archiveBehind" : "archiveLevel";
    setNumber(byId("archived"), archived, known ? formats.number(archived) : text("none"));
    setText(byId("archive-note"), known ? text(level, { behind, size, segments: archive.segments }) : text("archiveUnknown"));
    mark("outage", archive.outage || archive.gaps.length ? "bad" : "good");
    setText(byId("outage"), text(archive.outage ? "outageSome" : "outageNone"));
    const held = text("outageHeld", { size: formats.bytes(archive.held_bytes) });
    const notes = [archive.gaps.length ? text("gaps", { count: archive.gaps.length }) : "", archive.outage ?? "", held];
    setText(byId("outage-note"), notes.filter(Boolean).join(" · "));
  }
}

const mark = (gauge, state) => (byId(`gauge-${gauge}`).dataset.state = state);

/** Records archived, and how many of those that the tables have are not; of partitions that both know. */
function position(archive, tables) {
  let archived = 0;
  let behind = 0;
  for (const [topic, partitions] of Object.entries(archive)) {
    for (const [partition, offset] of Object.entries(partitions)) {
      archived += offset;
      behind += Math.max(0, (tables[topic]?.[partition] ?? 0) - offset);
    }
  }
  return { archived, behind, known: Object.keys(archive).length > 0 };
}
