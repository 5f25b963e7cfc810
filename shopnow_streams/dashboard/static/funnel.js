import { between, dayStart, sum } from "./day.js";
import { byId, element, fillList, setNumber, setShare, setText } from "./dom.js";

const STAGES = [
  { field: "views", label: "stageViews" },
  { field: "adds", label: "stageAdds" },
  { field: "orders", label: "stageOrders" },
  { field: "payments", label: "stagePayments" },
];

/** What became of today's views, stage by stage. @param {import("./language.js").Language} language */
export function drawFunnel({ data }, { text, formats }) {
  const today = between(data.items, dayStart());
  const counts = STAGES.map(({ field }) => sum(today, field));
  const most = Math.max(...counts, 1);
  fillList(byId("stages"), STAGES, ({ field }) => field, newStage, (stage, { label }, index) => {
    const [head, bar, drop] = stage.children;
    setText(head.firstChild, text(label));
    setNumber(head.lastChild, counts[index], formats.number(counts[index]));
    setShare(bar.firstChild, counts[index] / most);
    const share = index && counts[index - 1] ? counts[index] / counts[index - 1] : null;
    drop.hidden = share === null;
    if (share === null) return;
    setText(drop.firstChild, text("goOn", { share: formats.percent(share) }));
    setText(drop.lastChild, share < 1 ? text("dropOff", { share: formats.percent(1 - share) }) : "");
  });
}

const newStage = () =>
  element(
    "li",
    "stage",
    element("p", "stage-head", element("span"), element("data")),
    element("span", "bar", element("i")),
    element("p", "drop", element("span", "goes-on"), element("span", "lost")),
  );
