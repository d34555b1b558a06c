/**
 * The shape of a detector over the pattern it measures: drag the inside to move it, a rim or a side to
 * resize it. Its image follows with what is tried; the parameters change once, when it is let go. The circle of
 * the disks of a peak finder is one too, also over the peaks themselves, where it is faint until it is looked for.
 */

import { h, listen, setAttributes, setHidden, setText } from "../../dom";
import { niceBelow } from "../../geometry/axes";
import {
  changedParams,
  cursorOf,
  type Detector,
  dragged,
  type Grip,
  type Ground,
  gripAt,
  isSeen,
  keysOf,
  middleOf,
  moved,
  resized,
  textOf,
  without,
} from "../../geometry/detector";
import type { AxisDescription, NodeDescription, Outline } from "../../protocol/generated";
import { type DetectorStyle, drawDetector, drawTowards } from "../../render/detector";
import { isFound, isShy, placedDetector } from "../../state/detector";
import { type Picture, peakAt } from "../../state/picture";
import { stepOf } from "../keys";
import { type Drag, type Layer, type Pane, paneDetectors } from "../pane";
import type { PanelContext } from "../registry";

/** How far from a rim a press still takes it, CSS pixels. */
const REACH = 7;
/** The least step of a drag, frame pixels. */
const FINEST = 0.1;
/** How near to a circle the pointer lets it be seen, CSS pixels. */
const NEAR = 30;
/** A press that moves no further is a click, CSS pixels. */
const CLICK = 2;
/** A run of key presses becomes one change of the parameters. */
const KEYS_REST_MS = 400;

const RESIZES: Record<string, readonly [Grip, number]> = {
  "+": ["outer", 1],
  "=": ["outer", 1],
  "-": ["outer", -1],
  _: ["outer", -1],
  "]": ["inner", 1],
  "}": ["inner", 1],
  "[": ["inner", -1],
  "{": ["inner", -1],
};
const REMOVES: readonly string[] = ["Delete", "Backspace"];
const DISK_KEYS =
  "D takes hold of the circle of the direct beam: arrow keys move it, with Shift by ten; plus and minus change the radius of the disks; Enter or Escape lets go.";

interface Placed {
  node: NodeDescription;
  outline: Outline;
  detector: Detector;
  params: Record<string, unknown>;
  ground: Ground;
  /** It is faint until it is looked for. */
  shy: boolean;
}

export function detectorLayer(pane: Pane, context: PanelContext): Layer {
  const { session, view, signal } = context;
  const { surface } = pane;
  const readout = h("div", { class: "st-chip st-detector-readout", "data-st": "detector-readout" });
  readout.hidden = true;
  surface.element.append(readout);
  let hovered = false;
  let near = false;
  /** What the pointer is over. */
  let over: Grip | null = null;
  /** Where it is while it is dragged. */
  let dragging: Detector | null = null;
  let rest: ReturnType<typeof setTimeout> | undefined;
  /** Arrow keys move the detector instead of the scan position. */
  const isHeld = (found: Placed | null): boolean =>
    found !== null && view.value.heldDetector === found.node.id;
  const hold = (found: Placed | null): void => view.set({ heldDetector: found?.node.id ?? null });

  const placed = (): Placed | null => {
    const picture = pane.state.value.picture;
    if (picture?.reply.space !== "signal" || picture.reply.node !== pane.node?.id) {
      return null;
    }
    const axes = pane.node?.signal_axes ?? [];
    const ground = {
      width: picture.reply.full_width,
      height: picture.reply.full_height,
      axis: (axes.length === 1 && axes[0]) || null,
    };
    const { operations } = session.state;
    for (const node of paneDetectors(pane)) {
      const found = placedDetector(node, operations, view.value.draft, ground);
      if (found) {
        const detector = dragging ?? onItsPeak(node, found, picture.peaks);
        return { ...found, detector, node, ground, shy: isShy(node) };
      }
    }
    return null;
  };
  /** Whether it is drawn as something that the hand is at. */
  const isTaken = (found: Placed): boolean => isHeld(found) || dragging !== null || hovered;
  const isSought = (found: Placed): boolean => {
    const { pointedParameter } = view.value;
    const named = pointedParameter !== null && Object.values(found.outline).includes(pointedParameter);
    return !found.shy || near || named || isTaken(found);
  };
  const isSelected = (found: Placed): boolean => found.node.id === session.state.node;
  const styleOf = (found: Placed): DetectorStyle => {
    if (isTaken(found)) {
      return "held";
    }
    return found.shy ? (isSought(found) ? "thin" : "faint") : "plain";
  };
  /** Whether some of it lies in the part of the pattern that is seen. */
  const inSight = ({ detector }: Placed): boolean => {
    const { rect, visible, scale } = surface;
    // Before there is a layout nothing lies outside.
    const laidOut = scale > 0 && visible.width > 0 && visible.height > 0;
    return (
      !laidOut ||
      isSeen(detector, {
        left: (visible.left - rect.left) / scale,
        top: (visible.top - rect.top) / scale,
        width: visible.width / scale,
        height: visible.height / scale,
      })
    );
  };
  let outside = false;
  /** Shows what the state says now. */
  const show = (): void => {
    const found = placed();
    outside = found !== null && isSought(found) && !inSight(found);
    setHidden(readout, !found || !(outside || (found.shy ? isSought(found) : isTaken(found))));
    if (found) {
      const axes = (pane.node?.signal_axes ?? []).slice(-2);
      const text = detectorText(found.node.name, found.detector, axes) + becameText(found);
      setText(readout, outside ? `${found.node.name} lies outside what is seen` : text);
    }
    setAttributes(surface.overlay, {
      "aria-description": found && keysText(found),
    });
    surface.redraw();
  };
  const attempt = (from: Placed, detector: Detector): Record<string, unknown> | null => {
    const changed = changedParams(from.outline, from.detector, detector);
    const params = Object.keys(changed).length > 0 ? { ...from.params, ...changed } : null;
    if (params) {
      view.set({ draft: { node: from.node.id, params } });
    }
    return params;
  };
  /** Keeps what is tried now. */
  const settle = (): void => {
    clearTimeout(rest);
    rest = undefined;
    const { draft } = view.value;
    if (draft) {
      void session.commit(draft.node, draft.params);
    }
  };
  const remove = (from: Placed, fewer: Detector): void => {
    // What is counted further has another number now.
    over = null;
    if (attempt(from, fewer)) {
      settle();
    }
    show();
  };
  const letGo = (): void => {
    hold(null);
    if (rest !== undefined) {
      settle();
    }
    show();
  };
  session.store.on(["zoom"], show, signal);
  signal.addEventListener("abort", () => rest !== undefined && settle());
  listen(
    surface.overlay,
    "blur", // A view that is taken out of the page loses the focus too, and gets it again.
    () => queueMicrotask(() => surface.overlay.isConnected && letGo()),
    signal,
  );
  listen(
    surface.overlay,
    "pointerleave",
    () => {
      hovered = false;
      over = null;
      near = false;
      show();
    },
    signal,
  );
  view.on(["draft"], show, signal);
  view.on(["pointedParameter"], () => placed()?.shy && show(), signal);
  /** The shape belongs to the frame, not to what is in it. */
  let shape = "";
  pane.state.on(
    ["picture"],
    () => {
      const reply = pane.state.value.picture?.reply;
      const now = `${reply?.node}:${reply?.space}:${reply?.full_width}x${reply?.full_height}`;
      if (now !== shape) {
        shape = now;
        show();
      }
    },
    signal,
  );
  session.store.on(["node", "nodes", "panes"], show, signal);

  return {
    draw(sheet) {
      const found = placed();
      const isThere = found !== null && (isSought(found) || (isSelected(found) && inSight(found)));
      if (!isThere) {
        return;
      }
      const beyond = !inSight(found);
      if (beyond !== outside) {
        // The layout has changed since it was said.
        queueMicrotask(show);
      }
      if (beyond) {
        const { x, y } = middleOf(found.detector);
        drawTowards(sheet(), surface.visible, surface.at(x, y));
      } else {
        const context = sheet();
        context.save();
        if (surface.isLine) {
          // Beside the line stand its ticks.
          const { left, top, width, height } = surface.visible;
          context.beginPath();
          context.rect(left, top, width, height);
          context.clip();
        }
        drawDetector(context, found.detector, (x, y) => surface.at(x, y), styleOf(found));
        context.restore();
      }
    },
    cursor(at) {
      const found = placed();
      const grip = found && gripAt(found.detector, at, REACH / surface.scale);
      over = grip;
      const isNear = found?.shy === true && gripAt(found.detector, at, NEAR / surface.scale) !== null;
      if (hovered !== (grip !== null) || near !== isNear) {
        hovered = grip !== null;
        near = isNear;
        show();
      }
      return found && grip ? cursorOf(found.detector, grip, at) : null;
    },
    press(event, at): Drag | null {
      const found = placed();
      const grip = found && gripAt(found.detector, at, REACH / surface.scale);
      if (!found || !grip || event.button !== 0 || view.value.picking) {
        letGo();
        return null;
      }
      if (rest !== undefined) {
        settle();
      }
      if (!found.shy) {
        hold(found);
      }
      const fewer = event.altKey ? without(found.detector, grip) : null;
      if (fewer) {
        remove(found, fewer);
        return { move() {}, end() {} };
      }
      dragging = found.detector;
      show();
      const step = Math.max(FINEST, niceBelow(1 / surface.scale));
      let params: Record<string, unknown> | null = null;
      return {
        move(to) {
          const way = Math.hypot(to.x - at.x, to.y - at.y) * surface.scale;
          // A click on a faint one is one on the picture, and one on an edge adds no vertex.
          const isCareful = grip.startsWith("edge") || (found.shy && !isHeld(found));
          if (isCareful && params === null && way < CLICK) {
            return;
          }
          hold(found);
          const next = dragged(found.detector, grip, at, to, found.ground, step);
          dragging = next;
          params = attempt(found, next);
          if (!params) {
            view.set({ draft: null });
          }
        },
        end(to) {
          dragging = null;
          show();
          if (to && params) {
            void session.commit(found.node.id, params);
          } else {
            view.set({ draft: null });
          }
          if (to && found.shy && !isHeld(found) && found.node.id === pane.node?.id) {
            // It was a click on the picture.
            session.focusPane(pane.key);
          }
        },
      };
    },
    key(event) {
      const found = placed();
      if (!found || event.ctrlKey || event.metaKey || event.altKey) {
        return false;
      }
      if (event.key === "d" || event.key === "D") {
        // The keyboard's way to take hold of it.
        hold(isHeld(found) ? null : found);
        show();
      } else if (!isHeld(found) || dragging !== null) {
        return false;
      } else if (event.key === "Escape" || event.key === "Enter") {
        letGo();
      } else if (REMOVES.includes(event.key)) {
        const fewer = over && without(found.detector, over);
        if (!fewer) {
          return false;
        }
        remove(found, fewer);
      } else {
        const next = nudged(found, event);
        if (!next) {
          return false;
        }
        if (attempt(found, next)) {
          clearTimeout(rest);
          rest = setTimeout(settle, KEYS_REST_MS);
        }
      }
      event.preventDefault();
      return true;
    },
  };
}

/**
 * A circle whose place is measured is that of the direct beam in the mean over the scan: over peaks it goes with the
 * beam of their frame.
 */
function onItsPeak(
  node: NodeDescription,
  { outline, detector, params }: Pick<Placed, "outline" | "detector" | "params">,
  peaks: Picture["peaks"],
): Detector {
  if (outline.type !== "disk" || detector.type !== "disk" || !isFound(node, outline.centre, params)) {
    return detector;
  }
  const radius = Number(node.measured_parameters?.[outline.radius] ?? detector.radius);
  const [ky, kx] = peakAt(peaks, detector.centre, radius) ?? detector.centre;
  return { ...detector, centre: [Number(ky), Number(kx)] };
}

/** What only says where measuring begins became another radius, and another place. */
function becameText({ node, outline, detector, params }: Placed): string {
  if (!isShy(node) || outline.type !== "disk" || detector.type !== "disk") {
    return "";
  }
  const told = isFound(node, outline.centre, params) ? node.params[outline.centre] : null;
  const [row, column] = Array.isArray(told) ? told.map(Number) : detector.centre;
  const away = Math.hypot(Number(row) - detector.centre[0], Number(column) - detector.centre[1]);
  const elsewhere = away > detector.radius ? ` · ${short(away)} px from where it was said` : "";
  const found = node.measured_parameters?.[outline.radius];
  const given = params[outline.radius] ?? null;
  return given !== null && given === node.params[outline.radius] && typeof found === "number"
    ? ` · measured ${short(found)} px${elsewhere}`
    : elsewhere;
}

function nudged({ detector, ground }: Placed, event: KeyboardEvent): Detector | null {
  const step = stepOf(event);
  if (step) {
    return moved(detector, ...step, ground, FINEST);
  }
  const resize = RESIZES[event.key];
  return resize ? resized(detector, ...resize, ground, FINEST) : null;
}

/** `bright · 56, 64 px · radius 8.2 px (0.41 1/nm)`: what a person reads off while dragging. */
export function detectorText(
  name: string,
  detector: Detector,
  axes: readonly (AxisDescription | undefined)[],
): string {
  return `${name} · ${textOf(detector, axes)}`;
}

function keysText({ detector, shy }: Placed): string {
  return shy && detector.type === "disk"
    ? DISK_KEYS
    : `D takes hold of the detector: ${keysOf(detector)} Enter or Escape lets go.`;
}

/** Pixels for people. */
function short(value: number): string {
  return String(Number(value.toFixed(1)));
}
