/**
 * The panels, in the order of the keyboard. A new panel is one file and one line here.
 *
 * Elements carry `data-st` for tests and scripts:
 *   viewer, poster, navigator-canvas, navigator-readout, outer-axes, axis-<name>-slider, axis-<name>-value,
 *   signal-canvas, signal-readout, signal-title, signal-failure, panes (their list; each picture, title and
 *   readout is inside its pane), pane-close, maximise, zoom-reset, component-<name>,
 *   levels-low, levels-high (handles), levels-low-value, levels-high-value (numbers), levels-problem, levels-auto,
 *   levels-symmetric, levels-same, levels-gamma, levels-log, levels-colormap, histogram,
 *   tree, tree-node-<name>, compare-node-<name>, remove-node-<name>, add-operation, operations, operation-<wire name>,
 *   parameters, parameter-<name> (the row), parameter-<name>-value (number, text, choice or toggle),
 *   parameter-<name>-problem, parameter-<name>-slider, -auto, -pick, -row, -column, -x0, -y0, -width, -height,
 *   parameters-reset, parameters-undo, parameters-redo, parameters-branch, parameters-refusal, differences,
 *   code, copy-code,
 *   detector-readout (while a detector is held), exactness (an estimate, or a region's name),
 *   region-toggle, region-statistic,
 *   status, status-message, status-progress, status-progress-label, status-cancel, status-compute,
 *   status-latency, copy-advice, memory, memory-text, memory-dialog, memory-budget, memory-set,
 *   memory-problem, save, save-dialog, save-path, save-format, save-start, save-compute, save-problem,
 *   help, help-dialog, export, export-dialog, export-node, export-tree, export-code, export-copy.
 */

import type { Session } from "../state/session";
import type { Store } from "../state/store";
import type { ViewState } from "../state/view";
import { differences } from "./differences";
import { levels } from "./levels";
import { navigator } from "./navigator";
import { parameters } from "./parameters";
import { signal } from "./signal";
import { status } from "./status";
import { tree } from "./tree";

export interface PanelContext {
  session: Session;
  view: Store<ViewState>;
  /** Aborted when the view goes away: every listener is tied to it. */
  signal: AbortSignal;
}

export interface Panel {
  name: string;
  /** Column of the layout. */
  place: "scan" | "picture" | "side" | "foot";
  mount(element: HTMLElement, context: PanelContext): void;
}

export const PANELS: readonly Panel[] = [navigator, signal, levels, tree, parameters, differences, status];
