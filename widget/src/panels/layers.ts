/** What is drawn and dragged over the picture of a pane. A new layer is one file and one line here. */

import type { Point } from "../geometry/fit";
import type { Sheet } from "../render/overlay";
import { detectorLayer } from "./layers/detector";
import { exactLayer } from "./layers/exact";
import { keyLayer } from "./layers/key";
import { posterLayer } from "./layers/poster";
import { regionLayer } from "./layers/region";
import { marks } from "./marks";
import type { Pane } from "./pane";
import type { PanelContext } from "./registry";

/** A pointer that a layer has taken. Points are continuous pixels of the frame. */
export interface Drag {
  move(at: Point, event: PointerEvent): void;
  /** `null`: given up. */
  end(at: Point | null, event: Event): void;
}

export interface Layer {
  draw?(sheet: Sheet, pane: Pane): void;
  /** Takes a press of the first button, or leaves it to the next layer. */
  press?(event: PointerEvent, at: Point, pane: Pane): Drag | null;
  /** A cursor where the layer would take a press. */
  cursor?(at: Point, pane: Pane): string | null;
  /** Whether the key was one of the layer's. */
  key?(event: KeyboardEvent, pane: Pane): boolean;
}

export type MakeLayer = (pane: Pane, context: PanelContext) => Layer;

/** From the lowest to the highest; the highest gets presses and keys first. */
export const LAYERS: readonly MakeLayer[] = [
  posterLayer,
  keyLayer,
  marks,
  exactLayer,
  regionLayer,
  detectorLayer,
];
