/** The region whose patterns are shown together, over the maps of the scan: moved and resized there too. */

import { cursorOf, dragged, gripAt } from "../../geometry/detector";
import type { Region } from "../../geometry/fit";
import { asDetector, asRegion, insideScan } from "../../geometry/region";
import { drawDetector } from "../../render/detector";
import type { Layer, Pane } from "../pane";
import type { PanelContext } from "../registry";

/** How far from a side a press still takes it, CSS pixels. */
const REACH = 7;

export function regionLayer(pane: Pane, { view }: PanelContext): Layer {
  const { surface } = pane;
  const shown = (): Region | null => {
    const reply = pane.state.value.picture?.reply;
    return reply?.space === "navigation" && !surface.isLine ? view.value.region : null;
  };
  return {
    draw(sheet) {
      const region = shown();
      if (region) {
        drawDetector(sheet(), asDetector(region), (x, y) => surface.at(x, y), "plain");
      }
    },
    cursor(at) {
      const region = shown();
      const grip = region && gripAt(asDetector(region), at, REACH / surface.scale);
      return region && grip ? cursorOf(asDetector(region), grip, at) : null;
    },
    press(event, from) {
      const region = shown();
      const grip = region && gripAt(asDetector(region), from, REACH / surface.scale);
      if (!region || !grip || event.button !== 0) {
        return null;
      }
      const start = asDetector(region);
      const { region: before } = view.value;
      return {
        move(to) {
          const next = asRegion(dragged(start, grip, from, to, surface.span, 1));
          const { region: now } = view.value;
          if (next && now) {
            view.set({ region: { ...insideScan(next, surface.span), statistic: now.statistic } });
          }
        },
        end(to) {
          if (!to) {
            view.set({ region: before });
          }
        },
      };
    },
  };
}
