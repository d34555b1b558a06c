import { describe, expect, it } from "vitest";
import { detectorTree, measuredTree, strainTree } from "./fixtures";
import { eachOnAFreshPage, hook, pass, press, show, type } from "./mounted";

eachOnAFreshPage();

describe("parameters", () => {
  it("are tried while sliding and kept once, when the slider is let go", async () => {
    const { st, requests } = await show({ node: 3 }, { delayMs: 40 });
    await pass(200);
    const slider = st("parameter-threshold-slider");
    const before = requests("frame").length;
    for (let i = 0; i <= 20; i++) {
      type(slider, String(400 + i * 20), "input");
      await pass(10);
    }
    await pass(100);
    expect(requests("set_params")).toHaveLength(0);
    const drafts = requests("frame").slice(before);
    // Two in flight, the newest last.
    expect(drafts.length).toBeGreaterThan(5);
    expect(drafts.length).toBeLessThan(20);
    expect(drafts.at(-1)).toMatchObject({ node: 3, draft: { threshold: 0.8, radius: 4 } });
    expect(hook().frame).toMatchObject({ node: 3, draft: true });
    type(slider, "800", "change");
    await pass(600);
    expect(requests("set_params")).toHaveLength(1);
    expect(requests("set_params")[0]).toMatchObject({ node: 3, params: { threshold: 0.8, radius: 4 } });
    expect((st("parameter-threshold-value") as HTMLInputElement).valueAsNumber).toBeCloseTo(0.8);
    expect(hook().frame).toMatchObject({ node: 3, draft: false });
    expect(requests("frame").at(-1)?.draft).toBeUndefined();
  });

  it("are kept once for a run of keys on a slider", async () => {
    const { st, requests } = await show({ node: 3 });
    const slider = st("parameter-radius-slider");
    for (let i = 0; i < 5; i++) {
      press(slider, "ArrowRight");
      await pass(20);
    }
    expect(requests("set_params")).toHaveLength(0);
    slider.dispatchEvent(new KeyboardEvent("keyup", { key: "ArrowRight", bubbles: true }));
    await pass(100);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("say at the control why what is tried cannot be", async () => {
    const { st, kernel } = await show({ node: 3 });
    const error = { code: "parameter", message: "radius 60 px does not fit", hint: "", node: 3, index: null };
    kernel.failNext = error;
    type(st("parameter-radius-slider"), "900", "input");
    await pass(10);
    expect(st("parameters-refusal").textContent).toContain("does not fit");
    expect(st("parameter-radius").classList.contains("st-refused")).toBe(true);
    expect(st("signal-failure").hidden).toBe(true);
    type(st("parameter-radius-slider"), "200", "input");
    await pass(200);
    expect(st("parameters-refusal").hidden).toBe(true);
    expect(st("parameter-radius").classList.contains("st-refused")).toBe(false);
  });

  it("are not there of a file and of a closure, and it is said which it is", async () => {
    const nodes = strainTree().map((node) =>
      node.name === "flat" ? { ...node, operation: "map", params: {} } : node,
    );
    const about = async (node: number): Promise<string | null> =>
      (await show({ node }, { nodes })).st("parameters-about").textContent;
    expect(await about(1)).toContain("read from a file");
    expect(await about(2)).toContain("A closure has no parameters");
  });

  it("of a whole map are only kept, never tried", async () => {
    const { st, requests } = await show({ node: 4 });
    type(st("parameter-label-value"), "grain");
    await pass(300);
    expect(requests("set_params")).toHaveLength(1);
    expect(requests("frame").every(({ draft }) => draft === undefined)).toBe(true);
  });

  it("go back and forth through their history by buttons and keys", async () => {
    const { st, requests } = await show({ node: 3 });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    const [undo, redo] = [st("parameters-undo"), st("parameters-redo")] as HTMLButtonElement[];
    expect(undo?.disabled).toBe(true);
    type(radius, "5");
    await pass(300);
    expect(undo?.disabled).toBe(false);
    undo?.click();
    await pass(300);
    expect(radius.valueAsNumber).toBe(4);
    expect(redo?.disabled).toBe(false);
    const key = (target: HTMLElement, shiftKey: boolean): KeyboardEvent => {
      const event = new KeyboardEvent("keydown", {
        key: "z",
        ctrlKey: true,
        shiftKey,
        bubbles: true,
        cancelable: true,
      });
      target.dispatchEvent(event);
      return event;
    };
    expect(key(st("signal-canvas"), true).defaultPrevented).toBe(true);
    await pass(300);
    expect(radius.valueAsNumber).toBe(5);
    key(st("tree"), false);
    await pass(300);
    expect(radius.valueAsNumber).toBe(4);
    // Inside a field the keys are those of its text.
    expect(key(radius, true).defaultPrevented).toBe(false);
    expect(requests("undo")).toHaveLength(2);
    expect(requests("redo")).toHaveLength(1);
  });

  it("have a control for every kind, and auto for what may be left out", async () => {
    const { st, requests } = await show({ node: 2 });
    const auto = st("parameter-center-auto") as HTMLInputElement;
    expect(auto.checked).toBe(true);
    auto.checked = false;
    auto.dispatchEvent(new Event("change"));
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { center: [56, 64] } });
    const clip = st("parameter-clip-value") as HTMLInputElement;
    clip.checked = false;
    clip.dispatchEvent(new Event("change"));
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { clip: false, center: [56, 64] } });
    st("parameters-reset").click();
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { clip: true, center: null } });
    expect(auto.checked).toBe(true);
  });

  it("are refused with the reason when what is typed lies outside their limits", async () => {
    const { st, requests } = await show({ node: 3 });
    const field = st("parameter-radius-value") as HTMLInputElement;
    const problem = st("parameter-radius-problem");
    type(field, "-3");
    expect([field.value, problem.textContent]).toEqual([
      "4",
      "\u22123 is not taken: it has to be at least 1 px",
    ]);
    type(st("parameter-min_distance-value"), "5.7");
    expect(st("parameter-min_distance-problem").textContent).toContain("whole number");
    await pass(300);
    expect(requests("set_params")).toEqual([]);
    type(field, "7.5");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: 7.5 } });
    expect(problem.textContent).toBe("");
  });

  it("are not moved by a message while their slider is held", async () => {
    const { st, kernel } = await show({ node: 4 });
    const form = kernel.nodes.find(({ id }) => id === 4);
    expect(form?.kind).toBe("map");
    st("tree-node-peaks").click();
    await pass();
    const slider = st("parameter-radius-slider") as HTMLInputElement;
    type(slider, "700", "input");
    kernel.changed();
    await pass(100);
    expect(slider.value).toBe("700");
    type(slider, "700");
    await pass(300);
    expect(Number((st("parameter-radius-value") as HTMLInputElement).value)).toBeGreaterThan(4);
  });

  it("go back to what the node has when refused, and the refusal ends with the next change", async () => {
    const { st, kernel } = await show({ node: 3 });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    kernel.refuseNext = {
      code: "not_applicable",
      message: "a disk of 60 px does not fit into the frame",
      hint: "take a smaller radius",
      node: 3,
      index: null,
    };
    type(radius, "60");
    await pass(600);
    expect(st("status-message").textContent).toContain("does not fit");
    expect(radius.valueAsNumber).toBe(4);
    type(radius, "5");
    await pass(600);
    expect(st("status-message").textContent).not.toContain("does not fit");
    expect(radius.valueAsNumber).toBe(5);
  });

  it("go back also in the field that has the focus, and Reset ends what was said", async () => {
    const { st, kernel, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    const reset = st("parameters-reset") as HTMLButtonElement;
    expect(reset.disabled).toBe(true);
    kernel.refuseNext = {
      code: "not_applicable",
      message: "a disk of 60 px does not fit into the frame",
      hint: "take a smaller radius",
      node: 3,
      index: null,
    };
    radius.focus();
    type(radius, "60");
    await pass(600);
    expect([document.activeElement, radius.value]).toEqual([radius, ""]);
    expect([st("status-message").textContent?.includes("does not fit"), reset.disabled]).toEqual([
      true,
      false,
    ]);
    reset.click();
    await pass(600);
    expect([st("status-message").textContent, reset.disabled]).toEqual(["", true]);
    expect(requests("set_params")).toHaveLength(1);
  });

  it("that were refused as they were typed say so until Reset or another change", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    const problem = st("parameter-radius-problem");
    const reset = st("parameters-reset") as HTMLButtonElement;
    type(radius, "-3");
    expect([radius.value, problem.textContent?.includes("at least"), reset.disabled]).toEqual([
      "",
      true,
      false,
    ]);
    reset.click();
    expect([radius.value, problem.textContent, reset.disabled]).toEqual(["", "", true]);
    await pass(300);
    expect(requests("set_params")).toEqual([]);
    type(radius, "-3");
    type(st("parameter-threshold-value"), "0.5");
    expect(problem.textContent).toBe("");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: null, threshold: 0.5 } });
  });

  it("are no larger than the frames of their node let them be", async () => {
    const nodes = measuredTree().map((node) =>
      node.name === "peaks" ? { ...node, parameter_maxima: { radius: 28 } } : node,
    );
    const { st, requests } = await show({ node: 3 }, { nodes });
    const radius = st("parameter-radius-value") as HTMLInputElement;
    type(radius, "60");
    expect(st("parameter-radius-problem").textContent).toContain("at most 28 px");
    type(st("parameter-radius-slider"), "1000", "change");
    await pass(300);
    expect(requests("set_params").map(({ params }) => params)).toMatchObject([{ radius: 28 }]);
  });

  it("are hidden where there is nothing to choose, until they are something else", async () => {
    const fixed = (params: Record<string, unknown>) =>
      measuredTree().map((node) =>
        node.name === "peaks"
          ? { ...node, params: { ...node.params, ...params }, parameter_maxima: { max_peaks: 1 } }
          : node,
      );
    const usual = await show({ node: 3 }, { nodes: fixed({}) });
    expect(usual.st("parameter-max_peaks").hidden).toBe(true);
    expect(usual.st("parameter-radius").hidden).toBe(false);
    const other = await show({ node: 3 }, { nodes: fixed({ max_peaks: 5 }) });
    expect(other.st("parameter-max_peaks").hidden).toBe(false);
  });

  it("end where the frame does, though more may be typed", async () => {
    const { st, requests } = await show({ node: 5 }, { nodes: detectorTree() });
    type(st("parameter-radius-slider"), "1000", "change");
    await pass(300);
    // The longer side of the patterns.
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: 128 } });
    type(st("parameter-radius-value"), "300");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: 300 } });
  });

  it("that are emptied are left out", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const field = st("parameter-max_peaks-value") as HTMLInputElement;
    const auto = st("parameter-max_peaks-auto") as HTMLInputElement;
    type(field, "20");
    await pass(300);
    expect([auto.checked, requests("set_params").length]).toEqual([false, 1]);
    type(field, "");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { max_peaks: null } });
    expect([auto.checked, st("parameter-max_peaks-problem").textContent]).toEqual([true, ""]);
    // What cannot be left out stays.
    const threshold = st("parameter-threshold-value") as HTMLInputElement;
    type(threshold, "");
    await pass(300);
    expect([threshold.value, requests("set_params").length]).toEqual(["0.35", 2]);
    expect(st("parameter-threshold-problem").textContent).toBe("It has to be a number");
  });

  it("begin with a region that can be seen, and come back with the one they had", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const auto = st("parameter-vacuum-auto") as HTMLInputElement;
    const last = (): unknown =>
      (requests("set_params").at(-1)?.params as { vacuum: unknown } | undefined)?.vacuum;
    auto.click();
    await pass(300);
    expect(last()).toEqual({ x0: 0, y0: 0, width: 7, height: 5 });
    type(st("parameter-vacuum-x0"), "9");
    await pass(300);
    auto.click();
    await pass(300);
    expect([last(), auto.checked]).toEqual([null, true]);
    auto.click();
    await pass(300);
    expect(last()).toEqual({ x0: 9, y0: 0, width: 7, height: 5 });
    for (const part of ["x0", "y0", "width", "height"]) {
      (st(`parameter-vacuum-${part}`) as HTMLInputElement).value = "";
    }
    type(st("parameter-vacuum-height"), "");
    await pass(300);
    expect([last(), auto.checked]).toEqual([null, true]);
  });

  it("show the line of Rust and do not rebuild under the hand", async () => {
    const { st, kernel } = await show({ node: 3 });
    expect(st("code").textContent).toBe(
      "let peaks = flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?;",
    );
    const slider = st("parameter-radius-slider");
    kernel.changed();
    expect(st("parameter-radius-slider")).toBe(slider);
  });

  it("tell what the operation has measured", async () => {
    const { st } = await show({ node: 3 });
    expect(st("measured").textContent).toBe("Measured: radius 4.02 ± 0.01 px, threshold 4.6 σ");
    expect(st("measured").hidden).toBe(false);
  });

  it("tell nothing that was not measured", async () => {
    const { st } = await show({ node: 2 });
    expect(st("measured").hidden).toBe(true);
  });

  it("that are left out show what was measured, and begin there", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const field = st("parameter-radius-value") as HTMLInputElement;
    const slider = st("parameter-radius-slider") as HTMLInputElement;
    const auto = st("parameter-radius-auto") as HTMLInputElement;
    const row = st("parameter-radius");
    expect([field.value, field.placeholder, auto.checked]).toEqual(["", "4.021", true]);
    expect([...row.classList]).toEqual(expect.arrayContaining(["st-is-auto", "st-is-measured"]));
    expect(Number(slider.value)).toBeGreaterThan(300);
    const beam = ["row", "column"].map((part) => st(`parameter-direct_beam-${part}`) as HTMLInputElement);
    expect(beam.map(({ placeholder }) => placeholder)).toEqual(["56.2", "64.1"]);
    // No longer left out, and nothing changes.
    auto.click();
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: 4.021, direct_beam: null } });
    expect([field.value, row.classList.contains("st-is-auto")]).toEqual(["4.021", false]);
    // One coordinate is typed, the other stays where it was measured.
    type(beam[0] as HTMLInputElement, "50");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { direct_beam: [50, 64.1] } });
    auto.click();
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { radius: null } });
    expect([field.value, field.placeholder]).toEqual(["", "4.021"]);
  });

  it("that are left out are moved from what was measured, by the slider and its keys", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const slider = st("parameter-radius-slider") as HTMLInputElement;
    press(slider, "ArrowRight");
    slider.dispatchEvent(new KeyboardEvent("keyup", { key: "ArrowRight", bubbles: true }));
    await pass(300);
    const [kept] = requests("set_params").map(({ params }) => params as { radius: number });
    const radius = kept?.radius;
    expect(radius).toBeGreaterThan(4.021);
    expect(radius).toBeLessThan(4.3);
    expect((st("parameter-radius-auto") as HTMLInputElement).checked).toBe(false);
  });

  it("of which nothing is known wait for a value", async () => {
    const { st, requests } = await show({ node: 3 }, { nodes: measuredTree() });
    const [auto, field] = ["auto", "value"].map(
      (part) => st(`parameter-max_peaks-${part}`) as HTMLInputElement,
    ) as [HTMLInputElement, HTMLInputElement];
    const waits = (): boolean => !st("parameter-max_peaks").classList.contains("st-is-auto");
    auto.click();
    await pass(300);
    expect([document.activeElement, waits(), requests("set_params").length]).toEqual([field, true, 0]);
    field.blur();
    expect([waits(), auto.checked]).toEqual([false, true]);
    auto.click();
    type(field, "20");
    await pass(300);
    expect(requests("set_params").map(({ params }) => params)).toMatchObject([{ max_peaks: 20 }]);
    expect([waits(), auto.checked]).toEqual([true, false]);
  });

  it("keep what was measured, and say of what, until it is measured anew", async () => {
    const { st, kernel } = await show({ node: 3 }, { nodes: measuredTree() });
    const peaks = kernel.nodes.find(({ name }) => name === "peaks");
    const field = st("parameter-radius-value") as HTMLInputElement;
    for (const node of peaks ? [peaks] : []) {
      delete node.measured;
      delete node.measured_parameters;
      node.revision += 1;
      for (let told = 0; told < 2; told += 1) {
        kernel.changed();
        await pass(50);
        expect([field.placeholder, st("measured").textContent]).toEqual([
          "4.021",
          "Measured before the last change: radius 4.02 ± 0.01 px, threshold 4.6 σ",
        ]);
      }
      node.measured = "radius 4.50 ± 0.01 px";
      node.measured_parameters = { radius: 4.5 };
      kernel.changed();
      await pass(50);
      expect([field.placeholder, st("measured").textContent]).toEqual(["4.5", `Measured: ${node.measured}`]);
    }
    expect(peaks).toBeDefined();
  });

  it("take a region that is drawn on the navigator", async () => {
    const { st, requests } = await show({ node: 4 });
    st("parameter-reference-pick").click();
    expect(st("parameter-reference-pick").getAttribute("aria-pressed")).toBe("true");
    const canvas = st("navigator-canvas");
    for (const [type, x, y] of [
      ["pointerdown", 4.5, 2.5],
      ["pointermove", 9.5, 8.5],
      ["pointerup", 9.5, 8.5],
    ] as const) {
      const event = new MouseEvent(type, { bubbles: true, cancelable: true, button: 0 });
      Object.defineProperties(event, {
        clientX: { value: x / 56 },
        clientY: { value: y / 40 },
        pointerId: { value: 1 },
      });
      canvas.dispatchEvent(event);
    }
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({
      params: { reference: { x0: 4, y0: 2, width: 6, height: 7 } },
    });
    expect(hook().state().position).toEqual([3, 7]);
  });
});
