/** Writing the shown node's whole result to a file, or keeping it in memory. */

import { h, listen, setText } from "../dom";
import { bytesText } from "../geometry/bytes";
import { RequestError } from "../protocol/client";
import type { NodeDescription } from "../protocol/generated";
import type { Session } from "../state/session";
import { opensPopover, type Popover } from "./popover";
import type { PanelContext } from "./registry";

interface Format {
  suffix: string;
  title: string;
}

export const FORMATS: readonly Format[] = [
  { suffix: ".zspy", title: "HyperSpy, Zarr inside (.zspy)" },
  { suffix: ".zarr", title: "Zarr v3, sharded (.zarr)" },
  { suffix: ".hspy", title: "HyperSpy, HDF5 inside (.hspy)" },
  { suffix: ".npy", title: "NumPy array (.npy)" },
];

/** Endings of formats that are not written; anything else behind a dot is part of a name. */
const UNWRITTEN =
  /\.(?:bin|blo|bmp|csv|dm3|dm4|emd|gif|h5|hdf5?|jpe?g|json|mat|mib|mrcs?|npz|pdf|png|raw|svg|tiff?|tsv|txt|xlsx)$/i;

/** The file a computation writes, from what it says about itself; `null` when it writes none. */
export function savedPath(label: string): string | null {
  return /^saving (?!part \d)(.+)$/.exec(label)?.[1] ?? null;
}

/** The button that opens the dialog inside `host`. */
export function saveButton(host: HTMLElement, context: PanelContext): HTMLElement {
  const { session, signal } = context;
  const button = h(
    "button",
    {
      class: "st-button st-quiet",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      title: "Compute the whole signal and write it to a file, or keep it in memory",
      "data-st": "save",
    },
    "Save…",
  );
  const fill = (open: Popover, closed: AbortSignal): Node[] =>
    session.node ? saveForm(open, session.node, context, closed) : [];
  const popover = opensPopover(host, button, "Save", "save-dialog", fill, signal);
  const show = (): void => {
    button.hidden = session.node === null || session.state.connection !== "live";
  };
  listen(button, "click", popover.toggle, signal);
  session.store.on(["node"], popover.close, signal);
  session.store.on(["node", "nodes", "connection"], show, signal);
  show();
  return button;
}

function saveForm(
  popover: Popover,
  node: NodeDescription,
  { session }: PanelContext,
  signal: AbortSignal,
): Node[] {
  const field = h("input", {
    type: "text",
    class: "st-field st-grow",
    "aria-label": "File, relative to the folder of the notebook",
    "data-st": "save-path",
    autocomplete: "off",
    spellcheck: "false",
  });
  field.value = `${node.name}${FORMATS[0]?.suffix ?? ""}`;
  const format = h(
    "select",
    { class: "st-field st-grow", "aria-label": "Format", "data-st": "save-format" },
    ...FORMATS.map(({ suffix, title }) => h("option", { value: suffix }, title)),
  );
  const problem = h("p", { class: "st-problem", role: "alert", "data-st": "save-problem" });
  const save = h(
    "button",
    { type: "submit", class: "st-button st-primary", "data-st": "save-start" },
    "Save",
  );
  const compute = h(
    "button",
    {
      class: "st-button",
      title: "Compute everything now, so that every position is there at once",
      "data-st": "save-compute",
    },
    "Keep in memory",
  );
  /** Asks what to do about a file that is there under the name. */
  const there = h("p", { class: "st-about", "data-st": "save-exists" });
  const replace = h("button", { class: "st-button", "data-st": "save-replace" }, "Replace");
  const other = h("button", { class: "st-button st-primary", "data-st": "save-other" }, "Other name");
  const exists = h(
    "div",
    { role: "alert", hidden: true },
    there,
    h("div", { class: "st-popover-row st-popover-actions" }, replace, other),
  );
  const actions = h("div", { class: "st-popover-row st-popover-actions" }, compute, save);
  /** While it is asked, the safe answer is highlighted, and lies where Save was just pressed. */
  const asks = (open: boolean): void => {
    exists.hidden = !open;
    actions.hidden = open;
  };
  const ask = async (question: Parameters<Session["client"]["ask"]>[0]): Promise<void> => {
    asks(false);
    save.disabled = true;
    compute.disabled = true;
    setText(problem, "");
    try {
      await session.client.ask(question);
      popover.close();
    } catch (error) {
      const wire = error instanceof RequestError ? error.wire : null;
      if (wire?.code === "exists") {
        setText(there, `${wire.message}. Replace it?`);
        asks(true);
        // The safe answer has the keyboard.
        other.focus();
        return;
      }
      setText(problem, [wire?.message, wire?.hint].filter(Boolean).join(" "));
    } finally {
      save.disabled = false;
      compute.disabled = false;
    }
  };
  listen(
    field,
    "input",
    () => {
      const known = FORMATS.find(({ suffix }) => field.value.trim().toLowerCase().endsWith(suffix));
      format.value = known?.suffix ?? format.value;
      asks(false);
      setText(problem, "");
    },
    signal,
  );
  listen(
    format,
    "change",
    () => {
      field.value = withSuffix(field.value, format.value);
      asks(false);
    },
    signal,
  );
  listen(compute, "click", () => void ask({ type: "compute", node: node.id }), signal);
  const form = h(
    "form",
    {},
    h("div", { class: "st-popover-row" }, field),
    h("div", { class: "st-popover-row" }, format),
    problem,
    exists,
    actions,
  );
  const start = (replacing: boolean): void => {
    const path = field.value.trim();
    const named = FORMATS.some(({ suffix }) => path.toLowerCase().endsWith(suffix));
    void ask({
      type: "save",
      node: node.id,
      path: named ? path : withSuffix(path, format.value),
      ...(replacing && { replace: true }),
    });
  };
  listen(replace, "click", () => start(true), signal);
  listen(
    other,
    "click",
    () => {
      asks(false);
      field.focus();
      field.select();
    },
    signal,
  );
  listen(
    form,
    "submit",
    (event) => {
      event.preventDefault();
      if (field.value.trim() === "") {
        setText(problem, "Write the name of a file.");
        field.focus();
        return;
      }
      const unwritten = UNWRITTEN.exec(field.value.trim())?.[0];
      if (unwritten !== undefined) {
        const endings = FORMATS.map(({ suffix }) => suffix).join(", ");
        setText(
          problem,
          `${unwritten} is not written. Give the name one of the endings ${endings}, or none.`,
        );
        field.focus();
        return;
      }
      start(false);
    },
    signal,
  );
  return [
    h("div", { class: "st-title" }, `Save ${node.name}`),
    h("p", { class: "st-about" }, sizeText(node)),
    form,
  ];
}

/** The path with the ending of a format instead of that of another one. */
export function withSuffix(path: string, suffix: string): string {
  const known = FORMATS.find((format) => path.toLowerCase().endsWith(format.suffix));
  const old = known?.suffix ?? UNWRITTEN.exec(path)?.[0] ?? "";
  return `${path.slice(0, path.length - old.length)}${suffix}`;
}

const BYTES: Record<string, number> = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4 };

/** What is written, and how much of it. */
function sizeText(node: NodeDescription): string {
  const where = "Beside the notebook, or where the path says.";
  if (node.kind === "peaks") {
    return `The peaks of every scan position. ${where}`;
  }
  const images = node.kind === "map" ? Math.max(1, node.components.length) : 1;
  const pixels = [...node.navigation_axes, ...node.signal_axes].reduce(
    (size, axis) => size * axis.size,
    images,
  );
  const bytes = pixels * (BYTES[node.element] ?? 8);
  return `${node.summary}: ${bytesText(bytes)} before compression. ${where}`;
}
