/** State of one view of the model and of its panes: what they show right now, and what is asked of them. */

import type { Region } from "../geometry/fit";
import type { Samples } from "../protocol/buffers";
import type { NavigationRegion, NavigatorReply, WireError } from "../protocol/generated";
import type { Draft } from "./detector";
import type { Picture } from "./picture";

export interface NavigatorPicture {
  reply: NavigatorReply;
  samples: Samples;
  source: number;
  /** The node whose scan it shows. */
  scan: number;
}

/** A parameter that waits for a mark on a picture. */
export interface Picking {
  kind: "signal_point" | "navigation_region";
  parameter: string;
  /** Receives `[row, column]` or a region. */
  done(value: readonly [number, number] | Region): void;
}

/** What one pane shows. */
export interface PaneState {
  node: number | null;
  /** Which image of a map. */
  component: number;
  /** Device pixels of its canvas. */
  size: readonly [number, number];
  picture: Picture | null;
  /** The picture that was asked for is not there yet after some time. */
  late: boolean;
  failure: WireError | null;
}

export interface ViewState extends Pick<PaneState, "picture" | "late" | "failure"> {
  visible: boolean;
  /** Whether the pointer or the keyboard is in the viewer. */
  attended: boolean;
  navigator: NavigatorPicture | null;
  /** Device pixels of the navigator's canvas. */
  navigatorSize: readonly [number, number];
  picking: Picking | null;
  /** The parameter whose control the pointer or the focus is at. */
  pointedParameter: string | null;
  /** Parameters that are tried on a node: its pictures show them, the tree does not have them. */
  draft: Draft | null;
  /** Patterns are those of these scan positions together, instead of the one at the position. */
  region: NavigationRegion | null;
  /** The detector whose keys are the arrows, by its node. */
  heldDetector: number | null;
  /** The node whose levels were chosen again because an image lay beyond one of those of the images before. */
  levelsAnew: { node: number; side: "low" | "high" } | null;
  /** Over the whole page. */
  maximised: boolean;
  /** Request to drawn, milliseconds. */
  latencyMs: number | null;
  /** Counts the changes of the page's theme. */
  theme: number;
}

export const INITIAL_PANE: PaneState = {
  node: null,
  component: 0,
  size: [0, 0],
  picture: null,
  late: false,
  failure: null,
};

/** `picture`, `late` and `failure` are those of the focused pane. */
export const INITIAL_VIEW: ViewState = {
  visible: true,
  attended: false,
  picture: null,
  late: false,
  failure: null,
  navigator: null,
  navigatorSize: [0, 0],
  picking: null,
  pointedParameter: null,
  draft: null,
  region: null,
  heldDetector: null,
  levelsAnew: null,
  maximised: false,
  latencyMs: null,
  theme: 0,
};
