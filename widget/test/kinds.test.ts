import { describe, expect, it } from "vitest";
import { detectorOf, dragged, gripAt, middleOf, textOf } from "../src/geometry/detector";
import { placedDetector } from "../src/state/detector";
import { kindsTree, OPERATIONS } from "./fixtures";
import { eachOnAFreshPage, pass, show, type } from "./mounted";

eachOnAFreshPage();

const tree = () => ({ nodes: kindsTree() });
const field = (st: (name: string) => HTMLElement, name: string) => st(name) as HTMLInputElement;

describe("a pair", () => {
  it("is typed number by number and kept when both are there", async () => {
    const { st, requests } = await show({ node: 5 }, tree());
    field(st, "parameter-sector-auto").click();
    expect(field(st, "parameter-sector-from").placeholder).toBe("from");
    type(st("parameter-sector-from"), "-30");
    await pass(400);
    expect(requests("set_params")).toHaveLength(0);
    type(st("parameter-sector-to"), "12.5");
    await pass(400);
    expect(requests("set_params").at(-1)).toMatchObject({ node: 5, params: { sector: [-30, 12.5] } });
    expect(st("parameter-sector").textContent).toContain("°");
  });

  it("says which number cannot be, and keeps what was", async () => {
    const { st, requests } = await show({ node: 5 }, tree());
    type(st("parameter-sector-from"), "-30");
    type(st("parameter-sector-to"), "400");
    await pass(400);
    expect(st("parameter-sector-problem").textContent).toContain("to: 400 is not taken");
    expect(requests("set_params")).toHaveLength(0);
    type(st("parameter-sector-from"), "0");
    type(st("parameter-sector-to"), "90");
    await pass(400);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { sector: [0, 90] } });
    type(st("parameter-sector-from"), "");
    type(st("parameter-sector-to"), "");
    await pass(400);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { sector: null } });
  });
});

describe("a file", () => {
  it("shows its path, with where it is and what it is", async () => {
    const { st } = await show({ node: 6 }, tree());
    expect(field(st, "parameter-file-value").value).toBe("masks/dead.npy");
    expect(st("parameter-file-value").title).toContain("/scans/masks/dead.npy");
    expect(st("parameter-file-value").title).toContain("0a1b");
  });

  it("is completed from what the kernel sees, and sent as it is written", async () => {
    const { st, requests, element } = await show({ node: 6 }, tree());
    st("parameter-file-value").focus();
    type(st("parameter-file-value"), "de", "input");
    await pass(300);
    expect(requests("paths").at(-1)).toMatchObject({ written: "de", endings: ["npy"] });
    const offered = [...element.querySelectorAll<HTMLOptionElement>("datalist option")];
    expect(offered.map(({ value }) => value)).toEqual(["dead.npy"]);
    type(st("parameter-file-value"), "masks/");
    await pass(300);
    expect(requests("set_params")).toHaveLength(0);
    type(st("parameter-file-value"), "dead.npy");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ node: 6, params: { file: "dead.npy" } });
  });

  it("is read again as it is now, and left out", async () => {
    const { st, requests } = await show({ node: 6 }, tree());
    st("parameter-file-again").click();
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { file: "masks/dead.npy" } });
    type(st("parameter-file-value"), "");
    await pass(300);
    expect(requests("set_params").at(-1)).toMatchObject({ params: { file: null } });
    expect(st("parameter-file-again").hidden).toBe(true);
  });
});

describe("a place on the pattern", () => {
  const frame = { width: 128, height: 112 };
  const outline = { type: "point", at: "centre" } as const;

  it("is taken hold of where it is and stays inside the frame", () => {
    const at = detectorOf(outline, { centre: [50, 60] }, frame);
    expect(middleOf(at)).toEqual({ x: 60.5, y: 50.5 });
    expect(gripAt(at, { x: 63, y: 52 }, 5)).toBe("move");
    expect(gripAt(at, { x: 70, y: 52 }, 5)).toBeNull();
    const moved = dragged(at, "move", { x: 60, y: 50 }, { x: 64.5, y: 20 }, frame, 0.5);
    expect(moved).toEqual({ type: "point", at: [20, 64.5] });
    expect(dragged(at, "move", { x: 60, y: 50 }, { x: 64, y: -90 }, frame, 1)).toMatchObject({ at: [0, 64] });
    expect(textOf(at, [])).toBe("50, 60 px");
  });

  it("is seen on the pattern beside a profile", async () => {
    const { element } = await show({ node: 5 }, tree());
    await pass(400);
    const titles = [...element.querySelectorAll(".st-pane")].map((pane) => pane.textContent ?? "");
    expect(titles).toHaveLength(2);
    expect(element.querySelectorAll(".st-companion")).toHaveLength(1);
    const masked = await show({ node: 6 }, tree());
    await pass(400);
    expect(masked.element.querySelectorAll(".st-pane")).toHaveLength(1);
  });

  it("lies over patterns where it was measured, and over no spectrum", () => {
    const [, profile] = kindsTree();
    if (!profile) {
      throw new Error("no profile");
    }
    expect(placedDetector(profile, OPERATIONS, null, frame)?.detector).toEqual({
      type: "point",
      at: [50, 60],
    });
    const line = { ...frame, axis: profile.signal_axes[0] ?? null };
    expect(placedDetector(profile, OPERATIONS, null, line)).toBeNull();
    const { measured_parameters: _, ...unmeasured } = profile;
    expect(placedDetector(unmeasured, OPERATIONS, null, frame)).toBeNull();
  });
});
