/**
 * Where the page shows views, by the id of their model. A kernel that brings back an earlier session
 * opens its models again under their old ids; the notebook keeps showing the views of the old ones,
 * whose connection is gone for good. The new model finds them here and takes their places.
 */

/** Fills a place until the signal ends it. */
export type Mount = (element: HTMLElement, signal: AbortSignal) => void;

interface Place {
  readonly model: string;
  /** What fills it now: one per model that was opened. */
  owner: object;
  fill(owner: object, mount: Mount): void;
  clear(): void;
}

// Each model loads this module anew, perhaps in another version: what they share belongs to the page.
const KEY = Symbol.for("signaltree.places.1");

function places(): Set<Place> {
  const page = globalThis as { [KEY]?: Set<Place> };
  page[KEY] ??= new Set();
  return page[KEY];
}

interface Owner {
  readonly id: string;
  /** Its connection is gone for good, and nobody looks at it any more. */
  retire(): void;
}

/** Fills `element`, and offers it to later models of the same id. */
export function occupy(owner: Owner, element: HTMLElement, mount: Mount, signal: AbortSignal): void {
  let current = new AbortController();
  const place: Place = {
    model: owner.id,
    owner,
    fill(next, nextMount) {
      current.abort();
      current = new AbortController();
      place.owner = next;
      owner.retire();
      nextMount(element, current.signal);
    },
    clear: () => current.abort(),
  };
  mount(element, current.signal);
  places().add(place);
  signal.addEventListener("abort", () => {
    places().delete(place);
    current.abort();
  });
}

/** Takes the places of older models of the same id; gives them up with `signal`. Returns how many. */
export function takeOver(owner: Owner, mount: Mount, signal: AbortSignal): number {
  const same = (place: Place): boolean => place.model === owner.id && place.owner !== owner;
  // Models of kernels before this version have no id.
  const taken = owner.id === "" ? [] : [...places()].filter(same);
  for (const place of taken) {
    place.fill(owner, mount);
  }
  signal.addEventListener("abort", () => {
    for (const place of taken) {
      if (place.owner === owner) {
        place.clear();
      }
    }
  });
  return taken.length;
}
