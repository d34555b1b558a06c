import { describe, expect, it } from "vitest";
import { valueText } from "../src/panels/values";
import { colormapNamed } from "../src/render/colormap";
import { Painter } from "../src/render/table";
import { colourAt, colourTree } from "./fixtures";
import { eachOnAFreshPage, hook, pass, show } from "./mounted";

eachOnAFreshPage();

/** The painted bytes of pixels that are given channel by channel. */
function painted(channels: (Uint8Array | Uint16Array | Float32Array)[], full: number): number[] {
  const painter = new Painter();
  painter.set({ low: 3, high: 4 }, { colormap: colormapNamed("gray"), gamma: 0.3, log: true });
  const target = new Uint32Array(channels[0]?.length ?? 0);
  const [samples = new Uint8Array()] = channels;
  const gaps = painter.paint(
    { samples, packed: null, planes: channels, composed: { type: "colours", channels, full } },
    target,
  );
  expect(gaps).toBe(false);
  return [...new Uint8Array(target.buffer)];
}

describe("a frame of colours", () => {
  it("is drawn in them, whatever levels, gamma and colormap are", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const found = painted([all, all.toReversed(), all], 255);
    expect(found).toEqual([...all].flatMap((value) => [value, 255 - value, value, 255]));
    const words = [[65535], [0], [32768]].map((one) => Uint16Array.from(one));
    expect(painted(words, 65535)).toEqual([255, 0, 128, 255]);
  });

  it("is seen on white where it is transparent", () => {
    const [red, none] = [Uint8Array.of(255, 255, 255), Uint8Array.of(0, 0, 0)];
    const found = painted([red, none, none, Uint8Array.of(255, 51, 0)], 255);
    expect(found).toEqual([255, 0, 0, 255, 255, 204, 204, 255, 255, 255, 255, 255]);
  });

  it("has no levels, no colormap and no tabs, which is said, and tells red, green and blue", async () => {
    const { st, model, element } = await show({}, { nodes: colourTree() });
    await pass(800);
    expect(hook().frame).toMatchObject({ node: 1, component: 0 });
    expect(model.traits.levels ?? {}).toEqual({});
    for (const name of ["levels-gamma", "levels-log", "levels-colormap"]) {
      expect(st(name).closest("[hidden]")).not.toBe(null);
    }
    expect(st("levels-each").hidden).toBe(true);
    expect(st("histogram").closest("[hidden]")).not.toBe(null);
    expect(st("levels-note").textContent).toContain("own colours, 0 to 255 of each");
    expect(st("key").hidden).toBe(true);
    expect(element.querySelector('[role="tablist"]')?.hasAttribute("hidden")).toBe(true);
    const [node] = colourTree();
    const planes = [0, 1, 2, 3].map((channel) => colourAt(9, channel));
    const at = { value: planes[0] ?? 0, planes, width: 1, height: 1 };
    expect(node && valueText(node, 0, at)).toBe("R 63, G 113, B 163, A 213");
    const mean = { value: 12.5, planes: [12.5, 200, 255], width: 2, height: 2 };
    expect(node && valueText(node, 0, mean)).toBe("R 12.50, G 200, B 255, mean of 2 × 2");
  });
});
