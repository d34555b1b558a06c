/** The keys and gestures, behind a button and the key `?`. */

import { h, isTyping, listen } from "../dom";
import { opensPopover } from "./popover";
import type { PanelContext } from "./registry";

const KEYS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "Scan position",
    [
      ["\u2190 \u2191 \u2192 \u2193", "one position, with Shift ten"],
      ["Home, End", "first and last of the row, with Ctrl of the image"],
      ["Page Up, Page Down", "the axis before the rows, with Shift the one before that"],
    ],
  ],
  [
    "Pictures",
    [
      ["+ \u2212 0", "zoom in, zoom out, whole picture"],
      ["Wheel", "zooms a picture that was clicked; with Ctrl any"],
      ["Shift+drag", "moves a zoomed picture"],
      ["F", "over the whole page, and back"],
      ["Enter", "selects the picture"],
    ],
  ],
  [
    "Tools",
    [
      ["R", "region of the scan, on the navigator"],
      [
        "D",
        "takes hold of the detector, or over peaks of the circle that is the size of the disks: arrows move it, + \u2212 [ ] resize it",
      ],
      ["Ctrl+Z, Ctrl+Shift+Z", "undo and redo parameters"],
      ["C, Ctrl+click", "shows a node of the tree beside the selected one"],
      ["Delete", "removes a node of the tree"],
      ["Escape", "lets go, closes, gives the keys back to the notebook"],
    ],
  ],
];

/** The button that opens the list inside `host`. */
export function helpButton(host: HTMLElement, { signal }: PanelContext): HTMLElement {
  const button = h(
    "button",
    {
      class: "st-button st-quiet",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      "aria-label": "Keys",
      title: "Keys (?)",
      "data-st": "help",
    },
    "?",
  );
  const fill = (): Node[] => [
    h("div", { class: "st-title" }, "Keys"),
    h(
      "div",
      { class: "st-keys" },
      ...KEYS.flatMap(([heading, entries]) => [
        h("h4", {}, heading),
        h("dl", {}, ...entries.flatMap(([keys, does]) => [h("dt", {}, keys), h("dd", {}, does)])),
      ]),
    ),
  ];
  const popover = opensPopover(host, button, "Keys", "help-dialog", fill, signal);
  listen(button, "click", popover.toggle, signal);
  host.closest<HTMLElement>(".signaltree")?.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "?" && !isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) {
        popover.toggle();
        event.preventDefault();
      }
    },
    { signal },
  );
  return button;
}
