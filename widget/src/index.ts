/** The anywidget module: one session per model, one viewer per view of it. */

import { occupy, takeOver } from "./places";
import { Session } from "./state/session";
import type { Model } from "./state/traits";
import { mountViewer } from "./viewer";

interface Initialize {
  model: Model;
  signal: AbortSignal;
}

interface Render {
  model: Model;
  el: HTMLElement;
  signal: AbortSignal;
}

/**
 * Called once per model. The host gives `initialize` and `render` different faces of the model, so
 * the session is kept here. Nothing is awaited: a slow `initialize` would cut the model off.
 */
export default function signaltree(): {
  initialize(options: Initialize): void;
  render(options: Render): void;
} {
  let session: Session | null = null;
  return {
    initialize({ model, signal }) {
      const opened = new Session(model, signal);
      session = opened;
      takeOver(opened, (el, shown) => mountViewer(el, opened, shown), signal);
    },
    render({ model, el, signal }) {
      const shown = session ?? new Session(model, signal);
      session = shown;
      occupy(shown, el, (place, end) => mountViewer(place, shown, end), signal);
    },
  };
}
