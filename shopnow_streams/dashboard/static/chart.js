import uPlot from "./vendor/uplot/uplot.js";

/** A colour of the stylesheet as it is now, for a canvas. */
export function colour(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const remPx = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
const font = () => `${Math.round(remPx() * 0.75)}px ${getComputedStyle(document.body).fontFamily}`;

/** What all axes share; sizes follow the page's own. */
export const axis = (options) => ({
  stroke: () => colour("muted"),
  grid: { stroke: () => colour("line"), width: 1 },
  ticks: { show: false },
  font: font(),
  gap: Math.round(remPx() * 0.4),
  ...options,
});

/** A chart that fills its element, and is drawn anew where size, colours or words change. */
export class Chart {
  #root;
  #options;
  #plot = null;
  #data = null;

  /**
   * @param {HTMLElement} root
   * @param {() => object} options uPlot's, without a size; asked again when the page's font size is another one
   */
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    let size = "";
    new ResizeObserver(() => {
      const now = `${root.clientWidth} ${root.clientHeight} ${remPx()}`;
      if (now !== size) this.rebuild();
      size = now;
    }).observe(root);
  }

  /** @param {number[][]} data x, and a list for each series */
  show(data) {
    this.#data = data;
    if (this.#plot) this.#plot.setData(data);
    else this.rebuild();
  }

  /** Colours and words are read anew. */
  rebuild() {
    const { clientWidth: width, clientHeight: height } = this.#root;
    this.#plot?.destroy();
    this.#plot = null;
    if (!this.#data || !width || !height) return;
    const shared = { width, height, legend: { show: false }, pxAlign: 1 };
    this.#plot = new uPlot({ ...shared, ...this.#options() }, this.#data, this.#root);
  }
}

export const bars = (options) => uPlot.paths.bars(options);
export const smooth = () => uPlot.paths.spline();
