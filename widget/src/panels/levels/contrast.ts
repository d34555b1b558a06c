/** Gamma, logarithm and colormap. */

import { h, listen, setText } from "../../dom";
import { gradient } from "../../render/colormap";
import {
  type ContrastChoice,
  colormapsFor,
  contrastOf,
  type PictureClass,
  pictureClass,
} from "../../state/contrast";
import type { PanelContext } from "../registry";

/** Gamma, logarithm and colormap of this kind of picture. */
export function contrastControls(context: PanelContext): { element: HTMLElement; fill(): void } {
  const { session, signal } = context;
  const gamma = h("input", {
    type: "range",
    class: "st-slider",
    min: -100,
    max: 100,
    step: 5,
    "aria-label": "Gamma",
    "data-st": "levels-gamma",
  });
  const gammaText = h("span", { class: "st-value" });
  const log = h("input", { type: "checkbox", role: "switch", class: "st-switch", "data-st": "levels-log" });
  const logLabel = h("label", { class: "st-inline" }, log, "Log");
  const swatch = h("span", { class: "st-swatch" });
  const colormap = h("select", { class: "st-field", "aria-label": "Colormap", "data-st": "levels-colormap" });
  /** The kind of picture whose colormaps are listed. */
  let listed: PictureClass | null = null;
  const list = (kind: PictureClass): void => {
    if (kind !== listed) {
      listed = kind;
      const maps = colormapsFor(kind);
      colormap.replaceChildren(...maps.map((map) => h("option", { value: map.name }, map.title)));
    }
  };
  const choice = (kind: PictureClass): ContrastChoice => session.state.contrast[kind];

  listen(
    gamma,
    "input",
    () => {
      const steps = Math.abs(gamma.valueAsNumber) < 6 ? 0 : gamma.valueAsNumber;
      session.setContrast({ gamma: Number((10 ** (steps / 100)).toPrecision(3)) });
    },
    signal,
  );
  listen(gamma, "dblclick", () => session.setContrast({ gamma: 1 }), signal);
  listen(log, "change", () => session.setContrast({ log: log.checked }), signal);
  listen(colormap, "change", () => session.setContrast({ colormap: colormap.value }), signal);

  const fill = (): void => {
    const kind = pictureClass(session.node, session.state.component);
    const now = choice(kind);
    const position = Math.round(Math.log10(now.gamma) * 100);
    gamma.value = String(position);
    gamma.style.setProperty("--st-share", String((position + 100) / 200));
    setText(gammaText, now.gamma.toFixed(2));
    log.checked = now.log;
    const { colormap: map } = contrastOf(session.state.contrast, kind);
    list(kind);
    // A period, names and own colours have no dark parts to lift; around zero there is no logarithm.
    const bare = kind === "cyclic" || kind === "categorical" || kind === "colours";
    gammaLabel.hidden = bare;
    logLabel.hidden = bare || (kind !== "wheel" && kind !== "rgb" && map.kind !== "sequential");
    choiceLabel.hidden = kind === "rgb" || kind === "colours" || colormap.options.length < 2;
    colormap.value = map.name;
    swatch.style.background = gradient(map);
  };
  const gammaLabel = h("label", { class: "st-inline st-gamma" }, "Gamma", gamma, gammaText);
  const choiceLabel = h("span", { class: "st-inline st-colormap" }, swatch, colormap);
  fill();
  const element = h("div", { class: "st-contrast" }, gammaLabel, logLabel, choiceLabel);
  return { element, fill };
}
