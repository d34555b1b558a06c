import { describe, expect, it, vi } from "vitest";
import { DETECTOR } from "../src/render/detector";
import { measuredTree } from "./fixtures";
import { eachLaidOut, pointer } from "./laid_out";
import { eachOnAFreshPage, pass, press, show, type Viewer } from "./mounted";

eachOnAFreshPage();
eachLaidOut();

const SCALE = 3;

/** Over the peaks at the first position, where the direct beam is where it was measured or near it. */
async function shown(
  nodes = measuredTree(),
): Promise<Viewer & { canvas: HTMLElement; middle: [number, number]; text(): string }> {
  const viewer = await show({ node: 3 }, { nodes });
  const { st } = viewer;
  const canvas = st("signal-canvas");
  const text = (): string => {
    const readout = st("detector-readout");
    return readout.hidden ? "" : (readout.textContent ?? "");
  };
  press(canvas, "d");
  const [row = 0, column = 0] = (text().match(/· ([\d.]+), ([\d.]+) px/) ?? []).slice(1).map(Number);
  press(canvas, "d");
  return { ...viewer, canvas, text, middle: [(column + 0.5) * SCALE, (row + 0.5) * SCALE] };
}

const drafts = (requests: Record<string, unknown>[]): unknown[] =>
  requests.map((request) => request.draft).filter((draft) => draft !== undefined);

describe("the circle of the disks", () => {
  it("is there when it is looked for", async () => {
    const { canvas, middle, st, text } = await shown();
    const [x, y] = middle;
    expect(text()).toBe("");
    pointer(canvas, "move", x + 100, y);
    expect(text()).toBe("");
    pointer(canvas, "move", x + 14, y);
    expect(text()).toMatch(/^peaks · [\d.]+, [\d.]+ px · radius 4 px \(0.201 1\/nm\)$/);
    canvas.dispatchEvent(new Event("pointerleave"));
    expect(text()).toBe("");
    const row = st("parameter-radius");
    row.dispatchEvent(new Event("pointerenter"));
    expect(text()).toContain("radius 4 px");
    row.dispatchEvent(new Event("pointerleave"));
    expect(text()).toBe("");
    st("parameter-radius-value").focus();
    expect(text()).toContain("radius 4 px");
    st("parameter-threshold-value").focus();
    await pass(10);
    expect(text()).toBe("");
  });

  it("lies on the peak of the direct beam where its place is measured", async () => {
    const { middle } = await shown();
    const [x, y] = middle;
    expect(Math.hypot(x / SCALE - 64.6, y / SCALE - 56.7)).toBeLessThan(4.021);
    expect([x, y]).not.toEqual([64.6 * SCALE, 56.7 * SCALE]);
  });

  it("is faint over the selected peaks until it is looked for, and not over other pictures", async () => {
    const arcs: { circles: number; alpha: number; colour: string }[] = [];
    let circles = 0;
    const known: Record<string, unknown> = {
      beginPath: () => {
        circles = 0;
      },
      arc: () => {
        circles += 1;
      },
      stroke: () =>
        arcs.push({ circles, alpha: Number(known.globalAlpha ?? 1), colour: `${known.strokeStyle}` }),
      restore: () => {
        known.globalAlpha = 1;
      },
      createImageData: (width: number, height: number) => ({
        data: new Uint8ClampedArray(width * height * 4),
      }),
    };
    const context = new Proxy(known, {
      get: (_, name: string) => known[name] ?? ((): unknown => ({})),
      set: (_, name: string, value) => {
        known[name] = value;
        return true;
      },
    });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
    const { canvas, middle, st } = await shown();
    const [x, y] = middle;
    /** Opacities of the circle in what is drawn next. */
    const drawn = async (): Promise<number[]> => {
      arcs.length = 0;
      await pass(100);
      return arcs
        .filter(({ circles: of, colour }) => of === 1 && colour === DETECTOR)
        .map(({ alpha }) => alpha);
    };
    pointer(canvas, "move", x + 14, y);
    expect((await drawn()).at(-1)).toBe(1);
    pointer(canvas, "move", x + 100, y);
    const faint = (await drawn()).at(-1) ?? 0;
    expect(faint).toBeGreaterThan(0.3);
    expect(faint).toBeLessThan(0.9);
    st("tree-node-flat").click();
    await pass();
    expect(await drawn()).toEqual([]);
  });

  it("stands where the beam was found, wherever it was said to be, and tells how far that is", async () => {
    const told = { direct_beam: [20, 30], radius: null };
    const nodes = measuredTree().map((node) =>
      node.name === "peaks" ? { ...node, params: { ...node.params, ...told } } : node,
    );
    const { canvas, text, kernel, middle } = await shown(nodes);
    const [x, y] = middle;
    expect(Math.hypot(x / SCALE - 64.6, y / SCALE - 56.7)).toBeLessThan(4.021);
    press(canvas, "d");
    expect(text()).toMatch(/· \d\d(\.\d)? px from where it was said$/);
    // Until it was looked for anew it is where it was said to be.
    for (const node of kernel.nodes.filter(({ name }) => name === "peaks")) {
      delete node.measured;
      delete node.measured_parameters;
      node.revision += 1;
    }
    kernel.changed();
    await pass();
    expect(text()).toContain("· 20, 30 px ·");
    expect(text()).not.toContain("from where");
  });

  it("is tried at its rim from what was measured, and kept once", async () => {
    const { canvas, middle, requests, text } = await shown();
    const [x, y] = middle;
    pointer(canvas, "down", x + 12, y);
    for (let step = 1; step <= 6; step += 1) {
      pointer(canvas, "move", x + 12 + step, y);
      await pass(20);
    }
    expect(requests("set_params")).toHaveLength(0);
    expect(drafts(requests("frame")).at(-1)).toMatchObject({ radius: 6, direct_beam: null });
    expect(text()).toContain("radius 6 px");
    pointer(canvas, "up", x + 18, y);
    await pass(400);
    expect(requests("set_params").map(({ params }) => params)).toMatchObject([
      { radius: 6, direct_beam: null, threshold: 0.35 },
    ]);
    // It says what became of that.
    expect(text()).toMatch(/radius 6 px \(.*\) · measured 4 px$/);
  });

  it("is moved by its inside, which tells where the beam is; a click changes nothing", async () => {
    const { canvas, middle, requests } = await shown();
    const [x, y] = middle;
    pointer(canvas, "down", x, y);
    pointer(canvas, "move", x + 1, y);
    pointer(canvas, "up", x + 1, y);
    await pass(400);
    expect([requests("set_params").length, drafts(requests("frame")).length]).toEqual([0, 0]);
    pointer(canvas, "down", x, y);
    pointer(canvas, "move", x + 15, y - 6);
    pointer(canvas, "up", x + 15, y - 6);
    await pass(400);
    const [kept] = requests("set_params").map(({ params }) => params as Record<string, unknown>);
    const [row, column] = [y / SCALE - 0.5 - 2, x / SCALE - 0.5 + 5];
    expect(kept).toMatchObject({
      direct_beam: [expect.closeTo(row, 0), expect.closeTo(column, 0)],
      radius: null,
    });
  });

  it("is resized by the keys once D has taken hold of it", async () => {
    const { canvas, requests, text } = await shown();
    press(canvas, "d");
    expect(text()).toContain("radius 4 px");
    expect(canvas.getAttribute("aria-description")).toContain("radius of the disks");
    press(canvas, "+");
    press(canvas, "+");
    await pass(1000);
    expect(requests("set_params").map(({ params }) => params)).toMatchObject([{ radius: 6 }]);
    press(canvas, "Escape");
    press(canvas, "+");
    await pass(1000);
    expect(requests("set_params")).toHaveLength(1);
  });
});
