/**
 * One control per kind of parameter, never per operation. A new kind is one file and one line here.
 */

import type { Size } from "../geometry/fit";
import type { NodeDescription, ParameterControl, ParameterDescription } from "../protocol/generated";
import type { Store } from "../state/store";
import type { ViewState } from "../state/view";
import { choice } from "./choice";
import { file } from "./file";
import { navigationRegion } from "./navigation_region";
import { integer, number } from "./number";
import { pair } from "./pair";
import { signalPoint } from "./signal_point";
import { signalPolygon } from "./signal_polygon";
import { signalRange } from "./signal_range";
import { text } from "./text";
import { toggle } from "./toggle";

export interface ControlContext {
  parameter: ParameterDescription;
  /** Where a slider ends: what is larger is typed. */
  most: number | null;
  view: Store<ViewState>;
  signal: AbortSignal;
  /** Id of the label's target. */
  id: string;
  /** Columns and rows of the scan. */
  scan(): Size;
  /** The node whose frames the operation takes. */
  input(): NodeDescription | null;
  /** Paths that begin as what is written, of folders and of files with one of these endings. */
  paths(written: string, endings: readonly string[]): Promise<readonly string[]>;
  /** A new value, `null` of one that is left out; `moving` while a slider is held. */
  change(value: unknown, moving: boolean): void;
  /** What was typed cannot be: says why, until the next change. */
  refuse(reason: string): void;
}

/** A mounted control. */
export interface Control {
  elements: readonly HTMLElement[];
  /** The unit of its values where that is not the parameter's own: that of an axis. */
  units?: string | undefined;
  /** Shows a value without reporting a change; of one that is left out, greyed, what was measured instead. */
  show(value: unknown, measured?: unknown): void;
  /** A value to start from when the parameter was left out before; `null`: none is known, the user types it. */
  start(): unknown;
}

export type ControlKind = (context: ControlContext) => Control;

export const CONTROLS: Record<ParameterControl["type"], ControlKind> = {
  number,
  integer,
  toggle,
  text,
  choice,
  pair,
  file,
  signal_point: signalPoint,
  signal_range: signalRange,
  signal_polygon: signalPolygon,
  navigation_region: navigationRegion,
};
