import { describe, expect, it } from "vitest";
import { readValue } from "../src/geometry/units";
import { beyond, chosenFrom, type Trial } from "../src/state/contrast";
import { eachOnAFreshPage, hook, pass, press, show, type, type Viewer } from "./mounted";

eachOnAFreshPage();

const held = ({ model }: Viewer, key = "4.0"): Record<string, unknown> | undefined =>
  (model.traits.levels as Record<string, Record<string, unknown>>)[key];
const field = ({ st }: Viewer, which: "low" | "high"): HTMLInputElement =>
  st(`levels-${which}-value`) as HTMLInputElement;

describe("the levels of a picture around zero", () => {
  it("stay opposite when one of them is typed, moved or reset", async () => {
    const view = await show({ node: 4 });
    type(field(view, "high"), "3");
    await pass();
    expect(held(view)).toMatchObject({ low: -0.03, high: 0.03, automatic: false });
    type(field(view, "low"), "\u22122,0 %");
    await pass();
    expect(held(view)).toMatchObject({ low: -0.02, high: 0.02 });
    press(view.st("levels-low"), "ArrowLeft", { shiftKey: true });
    await pass();
    const { low, high } = held(view) as { low: number; high: number };
    expect(low).toBeLessThan(-0.02);
    expect(high).toBe(-low);
    view.st("levels-auto").click();
    await pass();
    expect(held(view)?.low).toBe(-(held(view)?.high as number));
  });

  it("are free once unlocked, and opposite again when locked", async () => {
    const view = await show({ node: 4 });
    expect(view.st("levels-symmetric").getAttribute("aria-pressed")).toBe("true");
    view.st("levels-symmetric").click();
    await pass();
    type(field(view, "high"), "3");
    await pass();
    const before = held(view)?.low;
    expect(held(view)).toMatchObject({ high: 0.03, free: true });
    expect(before).not.toBe(-0.03);
    type(field(view, "low"), "1");
    await pass();
    expect(held(view)).toMatchObject({ low: 0.01, high: 0.03 });
    view.st("levels-symmetric").click();
    await pass();
    expect(held(view)).toMatchObject({ low: -0.03, high: 0.03, free: false });
  });

  it("have no lock where zero is nothing special", async () => {
    const view = await show({ node: 4, component: 4 });
    expect(view.st("levels-symmetric").hidden).toBe(true);
    type(field(view, "low"), "50");
    await pass();
    expect(held(view, "4.4")).toMatchObject({ low: 0.5 });
    expect(held(view, "4.4")?.high).not.toBe(0.5);
  });
});

describe("a typed level", () => {
  it("may have a comma, a long minus, its unit or a percent sign", () => {
    const read = (texts: string[], factor: number, units: string): (number | null)[] =>
      texts.map((text) => readValue(text, { factor, units }));
    expect(
      read(
        ["120", " \u22120,5 ", "1.5e\u22123", "2 %", "37 counts", "abc", "", "1,2.3", "1 2", "Infinity"],
        1,
        "counts",
      ),
    ).toEqual([120, -0.5, 1.5e-3, 0.02, 37, null, null, null, null, null]);
    expect(read(["2", "2 %", "2%", "%"], 100, "%")).toEqual([0.02, 0.02, 0.02, null]);
    expect(read(["90", "90°", "50 %"], 90, "°")).toEqual([1, 1, 0.5]);
  });

  it("is in the unit of the readout, as are the limits, what is told of them and what is refused", async () => {
    const view = await show({ node: 4, component: 3 });
    expect(view.st("levels-units").textContent).toBe("°");
    const heldNow = (): { low: number; high: number } => held(view, "4.3") as { low: number; high: number };
    const degrees = 180 / Math.PI;
    expect(Number(field(view, "high").value)).toBeCloseTo(heldNow().high * degrees, 2);
    type(field(view, "high"), "2");
    await pass();
    expect(heldNow().high).toBeCloseTo(2 / degrees, 12);
    expect(field(view, "high").value).toBe("2");
    expect(view.st("levels-high").getAttribute("aria-valuetext")).toBe("2 °");
    press(view.st("levels-high"), "ArrowRight");
    await pass();
    // A step is a round number of what is written.
    expect(Number((heldNow().high * degrees).toPrecision(12))).toBe(
      Number((heldNow().high * degrees).toFixed(3)),
    );
    view.st("levels-symmetric").click();
    await pass();
    type(field(view, "low"), "5");
    await pass();
    expect(view.st("levels-problem").textContent).toMatch(/below the high one, 2\.\d+ °/);
    view.st("component-e_xx").click();
    await pass();
    expect(view.st("levels-units").textContent).toBe("%");
    view.st("component-residual").click();
    await pass();
    expect(view.st("levels-units").textContent).toBe("px");
  });

  it("that is no number is refused with the reason, and the old one stands again", async () => {
    const view = await show();
    const before = { ...held(view, "1") };
    const low = field(view, "low");
    low.focus();
    const shown = low.value;
    type(low, "abc");
    expect(low.value).toBe(shown);
    expect(view.st("levels-problem").textContent).toContain("number");
    expect(held(view, "1")).toEqual(before);
    type(low, "1");
    expect(view.st("levels-problem").textContent).toBe("");
    await pass();
    expect(held(view, "1")).toMatchObject({ low: 1, high: before.high });
  });

  it("on the wrong side of the other one is refused", async () => {
    const view = await show();
    const high = held(view, "1")?.high;
    type(field(view, "low"), "100000");
    await pass();
    expect(held(view, "1")?.high).toBe(high);
    expect(held(view, "1")?.low).not.toBe(100000);
    expect(view.st("levels-problem").textContent).toMatch(/low level has to be below/);
  });
});

describe("levels", () => {
  it("are held across frames until Auto is pressed", async () => {
    const { st, model } = await show();
    type(st("levels-high-value"), "444");
    press(st("navigator-canvas"), "ArrowRight");
    await pass(600);
    const held = (): unknown => (model.traits.levels as Record<string, unknown>)["1"];
    expect(held()).toMatchObject({ high: 444, automatic: false });
    st("levels-auto").click();
    await pass(600);
    expect(held()).toMatchObject({ automatic: true });
    expect(held()).not.toMatchObject({ high: 444 });
  });

  it("of a map that grows only widen until it is complete", async () => {
    const { model } = await show({ node: 4 }, { mapStep: 0.03 });
    const reach = (): number | undefined =>
      (model.traits.levels as Record<string, { high: number }>)["4.0"]?.high;
    const reaches: number[] = [];
    for (let i = 0; i < 200 && (hook().frame?.complete ?? 0) < 1; i++) {
      reaches.push(reach() ?? 0);
      await pass(50);
    }
    expect(reaches.length).toBeGreaterThan(20);
    expect(reaches).toEqual([...reaches].sort((a, b) => a - b));
    expect(reach()).toBeGreaterThan(0);
  });

  it("move by keys and never cross", async () => {
    const { st, model } = await show();
    const before = { ...(model.traits.levels as Record<string, { low: number; high: number }>)["1"] };
    press(st("levels-low"), "ArrowRight");
    type(st("levels-low-value"), "100000");
    await pass(600);
    const after = (model.traits.levels as Record<string, { low: number; high: number }>)["1"];
    expect(after?.low).toBeGreaterThan(before.low ?? 0);
    expect(after?.low).toBeLessThan(after?.high ?? 0);
  });

  it("keep gamma, logarithm and colormap in the traits, apart for patterns and maps", async () => {
    const { st, model } = await show();
    type(st("levels-colormap"), "magma");
    type(st("levels-gamma"), "-30", "input");
    const log = st("levels-log") as HTMLInputElement;
    log.checked = true;
    log.dispatchEvent(new Event("change"));
    await pass(600);
    expect(model.traits.colormap).toMatchObject({ signal: "magma", diverging: "diverging" });
    expect(model.traits.gamma).toMatchObject({ signal: 0.501, map: 1 });
    expect(model.traits.log).toMatchObject({ signal: true, diverging: false });
  });

  it("chooses levels around zero for diverging images", async () => {
    const { model } = await show({ node: 4 });
    await pass(600);
    const levels = (model.traits.levels as Record<string, { low: number; high: number }>)["4.0"];
    expect(levels?.low).toBeCloseTo(-(levels?.high ?? 0));
  });
});

describe("levels that nobody has set", () => {
  /** ε_yy, the image that is not shown, after a moment of a map that takes long. */
  const leftEarly = async (): Promise<Viewer> => {
    const view = await show({ node: 4 }, { mapStep: 0.03 });
    view.st("component-e_yy").click();
    await pass(700);
    view.st("component-e_xx").click();
    for (let i = 0; i < 100 && (hook().frame?.complete ?? 0) < 1; i++) {
      await pass(100);
    }
    await pass(400);
    return view;
  };

  it("say what they were chosen from, and are chosen again from more of the map", async () => {
    const view = await leftEarly();
    expect(held(view)).toMatchObject({ automatic: true, of: "1", complete: 1 });
    const early = held(view, "4.1");
    expect(early).toMatchObject({ automatic: true, of: "1" });
    expect(early?.complete).toBeLessThan(0.5);
    view.st("component-e_yy").click();
    await pass();
    expect(held(view, "4.1")).toMatchObject({ of: "1", complete: 1 });
    expect(held(view, "4.1")?.high).not.toBe(early?.high);
  });

  it("are kept over a reload while the values are the same", async () => {
    const kept = { low: -0.5, high: 0.5, automatic: true, free: false, of: "1", complete: 1 };
    const other = { ...kept, of: "7" };
    const set = { ...other, automatic: false };
    const old = { low: -0.5, high: 0.5, automatic: true };
    const view = await show({ node: 4, levels: { "4.0": kept, "4.1": other, "4.2": set, "4.3": old } });
    await pass();
    expect(held(view)).toEqual(kept);
    for (const name of ["e_yy", "e_xy", "theta"]) {
      view.st(`component-${name}`).click();
      await pass();
    }
    expect(held(view, "4.1")).toMatchObject({ automatic: true, of: "1", complete: 1 });
    expect(held(view, "4.1")?.high).toBeLessThan(0.1);
    expect(held(view, "4.2")).toEqual(set);
    expect(held(view, "4.3")?.high).toBeLessThan(0.1);
  });

  it("are others once the parameters are, and Auto is of the picture that is shown", async () => {
    const view = await show({ node: 4 });
    type(field(view, "high"), "3");
    await pass();
    const node = view.kernel.nodes.find(({ id }) => id === 4);
    Object.assign(node as object, { revision: 2 });
    view.kernel.changed();
    await pass();
    expect(held(view)).toMatchObject({ high: 0.03, automatic: false });
    view.st("levels-auto").click();
    await pass();
    expect(held(view)).toMatchObject({ automatic: true, of: "2", complete: 1 });
  });

  it("of a sum of positions, or of what is tried, are not those of the node", () => {
    const region = { x0: 0, y0: 0, width: 3, height: 2, statistic: "mean" as const };
    const of = (trial: Trial): string => chosenFrom({ revision: 4, index: [2], component: 0 }, trial, false);
    expect(of({ draft: null, region: null })).toBe("4");
    expect(of({ draft: null, region })).toBe("4");
    expect(of({ draft: null, region: { ...region, statistic: "sum" } })).toBe("[4,6]");
    expect(of({ draft: { radius: 3 }, region: null })).toBe('[{"radius":3},1]');
    // Each component of a model has levels of its own.
    expect(chosenFrom({ revision: 4, index: [2], component: 1 }, { draft: null, region: null }, true)).toBe(
      "4@2,1",
    );
  });
});

describe("the levels of images that follow each other", () => {
  const next = async ({ st }: Viewer): Promise<void> => {
    press(st("navigator-canvas"), "ArrowRight");
    await pass(800);
  };

  it("stay, until an image lies beyond them: then they are chosen again, which is said", async () => {
    const view = await show();
    await pass();
    const first = held(view, "1") as { low: number; high: number };
    await next(view);
    expect(held(view, "1")).toEqual(first);
    expect(view.st("levels-note").textContent).toBe("");
    view.kernel.pedestal = ([, x]) => (x === 9 ? 5000 : 0);
    await next(view);
    const bright = held(view, "1") as { low: number; high: number };
    expect(bright.low).toBeGreaterThan(4999);
    expect(view.st("levels-note").textContent).toContain("lay above those of the images before");
    // The next one lies below these.
    await next(view);
    expect((held(view, "1") as { high: number }).high).toBeLessThan(5000);
    expect(view.st("levels-note").textContent).toContain("lay below");
  });

  it("stay as they were set, and what is not seen then is said", async () => {
    const view = await show();
    type(field(view, "high"), "700");
    await pass();
    view.kernel.pedestal = ([, x]) => (x === 8 ? 5000 : 0);
    await next(view);
    expect(held(view, "1")).toMatchObject({ high: 700, automatic: false });
    expect(view.st("levels-note").textContent).toContain("lies above the high level");
    await next(view);
    expect(view.st("levels-note").textContent).toBe("");
  });

  it("are those of each image where somebody wants it", async () => {
    const view = await show();
    view.kernel.pedestal = ([, x]) => (x === 8 ? 40 : 0);
    const each = view.st("levels-each");
    expect(each.hidden).toBe(false);
    each.click();
    await pass(600);
    expect(view.model.traits.each_levels).toBe(true);
    const before = held(view, "1") as { low: number; of: string };
    expect(before.of).toBe("1@3,7,0");
    await next(view);
    const after = held(view, "1") as { low: number; of: string };
    expect(after.of).toBe("1@3,8,0");
    expect(after.low - before.low).toBeGreaterThan(30);
    each.click();
    await pass(600);
    expect(held(view, "1")).toMatchObject({ of: "1" });
    const kept = held(view, "1");
    await next(view);
    expect(held(view, "1")).toEqual(kept);
    // The images of a map are compared with nothing.
    const map = await show({ node: 4 });
    expect(map.element.querySelector<HTMLElement>('[data-st="levels-each"]')?.hidden).toBe(true);
  });

  it("are beyond only where nearly nothing is seen", () => {
    const levels = { low: 0, high: 10 };
    expect(beyond(levels, [11, 20])).toBe("high");
    expect(beyond(levels, [-5, -1])).toBe("low");
    // A dark image of sparse counts is dark; what is at a level is seen.
    for (const range of [
      [0, 0],
      [10, 20],
      [-5, 0],
      [2, 90],
      [Number.NaN, Number.NaN],
    ] as const) {
      expect(beyond(levels, range)).toBe(null);
    }
  });
});
