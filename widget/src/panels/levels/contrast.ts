/** Gamma, logarithm and colormap. */

import { h, listen, setText } from "../../dom";
import { COLORMAPS, colormapNamed, gradient } from "../../render/colormap";
import { type ContrastChoice, pictureClass } from "../../state/contrast";
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
  const colormap = h(
    "select",
    { class: "st-field", "aria-label": "Colormap", "data-st": "levels-colormap" },
    ...COLORMAPS.map((map) => h("option", { value: map.name }, map.title)),
  );
  const choice = (): ContrastChoice =>
    session.state.contrast[pictureClass(session.node, session.state.component)];

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
    const now = choice();
    const position = Math.round(Math.log10(now.gamma) * 100);
    gamma.value = String(position);
    gamma.style.setProperty("--st-share", String((position + 100) / 200));
    setText(gammaText, now.gamma.toFixed(2));
    log.checked = now.log;
    const map = colormapNamed(now.colormap);
    logLabel.hidden = map.diverging === true;
    colormap.value = map.name;
    swatch.style.background = gradient(map);
  };
  fill();
  const element = h(
    "div",
    { class: "st-contrast" },
    h("label", { class: "st-inline st-gamma" }, "Gamma", gamma, gammaText),
    logLabel,
    h("span", { class: "st-inline st-colormap" }, swatch, colormap),
  );
  return { element, fill };
}
