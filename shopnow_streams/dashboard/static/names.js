import { once } from "./asking.js";

const ASK_AGAIN_MS = 60_000;

/** Product names by id: learnt from answers that have them, asked for one at a time where none had. */
export class Names {
  #known = new Map();
  #asked = new Map();
  #asking = false;
  #wanted = [];

  /** @param {() => void} learnt called when a name came that was asked for */
  constructor(learnt) {
    this.learnt = learnt;
  }

  /** @param {{id_produit: number, name: string | null}[]} products */
  learn(products) {
    for (const { id_produit, name } of products) if (name) this.#known.set(id_produit, name);
  }

  /** The name, or null: then it is asked for. */
  get(id) {
    const name = this.#known.get(id);
    if (name) return name;
    if (Date.now() - (this.#asked.get(id) ?? 0) > ASK_AGAIN_MS) {
      this.#asked.set(id, Date.now());
      this.#wanted.push(id);
      this.#ask();
    }
    return null;
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    let found = false;
    for (let id; (id = this.#wanted.shift()) !== undefined; ) {
      const product = await once(`/api/products/${id}`);
      if (product?.name) found = Boolean(this.#known.set(id, product.name));
    }
    this.#asking = false;
    if (found) this.learnt();
  }
}
