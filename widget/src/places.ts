/**
 * Where the page shows views, by the id of their model.
 *
 * A place is filled once and then moves. A notebook that replaces an output, or moves its cell, takes the
 * view's element out of the page and asks for another one of the same model: that one receives the same
 * place, with the dialogs that are open in it, the text that is typed, what is dragged.
 *
 * A kernel that brings back an earlier session opens its models again under their old ids; the notebook
 * keeps showing the views of the old ones, whose connection is gone for good. The new model finds them
 * here and takes their places.
 */

import { h } from "./dom";

/** What fills a place until the signal ends it. */
export type Mount = (element: HTMLElement, signal: AbortSignal) => Filling;

export interface Filling {
  /** The place was taken out of the page, and is in it again. */
  returned(): void;
}

// Each model loads this module anew, perhaps in another version: what they share belongs to the page.
const KEY = Symbol.for("signaltree.places.2");

function places(): Set<Place> {
  const page = globalThis as { [KEY]?: Set<Place> };
  page[KEY] ??= new Set();
  return page[KEY];
}

/** A home that ends may have a successor for this long. */
const SUCCESSION_MS = 500;

interface Owner {
  readonly id: string;
  /** Aborted when the model is closed. */
  readonly signal: AbortSignal;
  /** Its connection is gone for good, and nobody looks at it any more. */
  retire(): void;
}

class Place {
  /** What fills it now: one per model that was opened. */
  owner: Owner;
  /** The notebook's element that holds it. */
  home: HTMLElement;
  #holder = h("div", { class: "st-place" });
  #filling: Filling | null = null;
  #end = new AbortController();
  /** The home was put here. */
  #parent: Node | null = null;
  #away = false;
  /** Its home has ended, and it ends too unless another one comes. */
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #moves = new MutationObserver(() => this.#look());
  #sizes = new ResizeObserver(() => this.#look());

  constructor(owner: Owner, home: HTMLElement, mount: Mount) {
    this.owner = owner;
    this.home = home;
    home.append(this.#holder);
    this.#filling = mount(this.#holder, this.#end.signal);
    this.#sizes.observe(this.#holder);
    this.#look();
  }

  /** The notebook has taken its home out of the output, or ended it. */
  get isFree(): boolean {
    return this.#leaving !== undefined || (this.#parent !== null && this.home.parentNode === null);
  }

  fill(next: Owner, mount: Mount): void {
    this.#end.abort();
    this.#end = new AbortController();
    this.owner.retire();
    this.owner = next;
    this.#filling = mount(this.#holder, this.#end.signal);
  }

  move(home: HTMLElement): void {
    clearTimeout(this.#leaving);
    this.#leaving = undefined;
    this.#away = true;
    this.home = home;
    home.append(this.#holder);
    this.#look();
    // Where the notebook puts it into another parent.
    requestAnimationFrame(() => this.#look());
  }

  /** Shows nothing until another model fills it. */
  empty(): void {
    this.#end.abort();
    this.#filling = null;
  }

  /** Its home has ended. */
  leave(): void {
    this.#holder.remove();
    if (this.owner.signal.aborted) {
      this.#remove();
    } else {
      this.#leaving = setTimeout(() => this.#remove(), SUCCESSION_MS);
    }
  }

  #remove(): void {
    places().delete(this);
    this.empty();
    this.#moves.disconnect();
    this.#sizes.disconnect();
  }

  /** Called right after the parent has gained or lost children: before any key can arrive. */
  #look(): void {
    const parent = this.home.parentNode;
    if (parent === null) {
      this.#away ||= this.#parent !== null;
      return;
    }
    if (parent !== this.#parent) {
      this.#parent = parent;
      this.#moves.disconnect();
      this.#moves.observe(parent, { childList: true });
    }
    if (this.#away && this.home.isConnected) {
      this.#away = false;
      this.#filling?.returned();
    }
  }
}

/** Shows the model in `element`, and offers the place to later models of the same id. */
export function occupy(owner: Owner, element: HTMLElement, mount: Mount, signal: AbortSignal): void {
  const free = [...places()].find((place) => place.owner === owner && place.isFree);
  const place = free ?? new Place(owner, element, mount);
  free?.move(element);
  places().add(place);
  signal.addEventListener("abort", () => {
    // The end of a home that the place has left is not its own.
    if (place.home === element) {
      place.leave();
    }
  });
}

/** Takes the places of older models of the same id; gives them up with `signal`. Returns how many. */
export function takeOver(owner: Owner, mount: Mount, signal: AbortSignal): number {
  const same = (place: Place): boolean => place.owner.id === owner.id && place.owner !== owner;
  // Models of kernels before this version have no id.
  const taken = owner.id === "" ? [] : [...places()].filter(same);
  for (const place of taken) {
    place.fill(owner, mount);
  }
  signal.addEventListener("abort", () => {
    for (const place of taken) {
      if (place.owner === owner) {
        place.empty();
      }
    }
  });
  return taken.length;
}
