import { dayStart } from "./day.js";
import { byId, element, fillList, setNumber, setShare, setText } from "./dom.js";

const STAGES = [
  { field: "views", customers: "viewers", label: "stageViews" },
  { field: "adds", customers: "adders", label: "stageAdds" },
  { field: "orders", customers: "buyers", label: "stageOrders" },
  { field: "payments", customers: "payers", label: "stagePayments" },
];

export const path = () => `/api/funnel?from=${dayStart()}`;

/** What became of today's views, stage by stage, and of how many customers. @param {import("./language.js").Language} language */
export function drawFunnel({ data }, { text, formats }) {
  const counts = STAGES.map(({ field }) => data.total[field]);
  const most = Math.max(...counts, 1);
  fillList(byId("stages"), STAGES, ({ field }) => field, newStage, (stage, { label, customers }, index) => {
    const [head, bar, drop] = stage.children;
    setText(head.firstChild, text(label));
    setNumber(head.lastChild, counts[index], formats.number(counts[index]));
    setShare(bar.firstChild, counts[index] / most);
    const [people, goesOn] = drop.children;
    const known = data.total[customers];
    setNumber(people, known ?? "", known === null ? text("none") : text(known === 1 ? "customer" : "customers", { count: known }));
    const share = index && counts[index - 1] ? counts[index] / counts[index - 1] : null;
    setText(goesOn, share === null ? "" : text(share < 1 ? "goOnAndLost" : "goOn", { share: formats.percent(share), lost: formats.percent(1 - share) }));
  });
}

const newStage = () =>
  element(
    "li",
    "stage",
    element("p", "stage-head", element("span"), element("data")),
    element("span", "bar", element("i")),
    element("p", "drop", element("data", "customers"), element("span", "goes-on")),
  );
