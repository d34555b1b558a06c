/** State of one view of the model: what it shows right now, and where the pointer is. */

import type { Region } from "../geometry/fit";
import type { Samples } from "../protocol/buffers";
import type { NavigatorReply, WireError } from "../protocol/generated";
import type { Picture } from "./frame_cache";

export interface NavigatorPicture {
  reply: NavigatorReply;
  samples: Samples;
  source: number;
}

/** A parameter that waits for a mark on a picture. */
export interface Picking {
  kind: "signal_point" | "navigation_region";
  parameter: string;
  /** Receives `[row, column]` or a region. */
  done(value: readonly [number, number] | Region): void;
}

export interface ViewState {
  visible: boolean;
  /** Device pixels of the signal canvas. */
  size: readonly [number, number];
  picture: Picture | null;
  navigator: NavigatorPicture | null;
  /** The picture that was asked for is not there yet after some time. */
  late: boolean;
  failure: WireError | null;
  picking: Picking | null;
  /** Request to drawn, milliseconds. */
  latencyMs: number | null;
  /** Counts the changes of the page's theme. */
  theme: number;
}

export const INITIAL_VIEW: ViewState = {
  visible: true,
  size: [0, 0],
  picture: null,
  navigator: null,
  late: false,
  failure: null,
  picking: null,
  latencyMs: null,
  theme: 0,
};
