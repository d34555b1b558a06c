import { describe, expect, it } from "vitest";
import { durationText } from "../src/geometry/bytes";
import { exactnessText } from "../src/panels/layers/exact";
import { progressText, shareOf } from "../src/panels/progress";
import { strainTree } from "./fixtures";
import { eachOnAFreshPage, show } from "./mounted";

eachOnAFreshPage();

describe("what is said", () => {
  it("of progress: as much as is known", () => {
    const progress = {
      node: 1,
      state: "running" as const,
      done: 5,
      total: 20,
      label: "strain map",
      message: "",
      can_resume: false,
    };
    expect(progressText(progress, "strain")).toBe("strain map 25 %");
    expect(progressText({ ...progress, rate: 3.25, seconds_left: 4000 }, "strain")).toBe(
      "strain map 25 % · 3.250 positions/s · 1 h 7 min left",
    );
    const measured = { ...progress, done: 0, label: "measuring peaks" };
    expect(progressText(measured, "strain")).toBe("measuring peaks");
    const far = { node: 2, name: "peaks", pass: 1, passes: 1 };
    expect(progressText({ ...measured, measuring: far }, "strain")).toBe("measuring peaks");
    expect(progressText({ ...measured, measuring: { ...far, share: 0.429 } }, "strain")).toBe(
      "measuring peaks 42 %",
    );
    // All that is read is there, and nobody knows how long the rest takes: no bar that is full.
    const concluding = { ...measured, done: 64, measuring: { ...far, positions: 64, seconds: 72 } };
    expect(progressText(concluding, "strain")).toBe("measuring peaks from 64 positions, 1 min 12 s");
    expect(shareOf({ ...concluding, total: 64 })).toBeNull();
    const saving = { ...measured, label: "saving a.npy", message: "measuring peaks" };
    expect(progressText({ ...saving, measuring: { ...far, pass: 2, passes: 3, share: 0.5 } }, "strain")).toBe(
      "saving a.npy: measuring peaks, pass 2 of 3, 50 %",
    );
    expect(durationText(0.2)).toBe("1 s");
    expect(durationText(605)).toBe("10 min");
  });

  it("of exactness: nothing once it is exact", () => {
    expect(exactnessText({ exact: true, complete: 1 }, false)).toBe("");
    expect(exactnessText({ exact: false, complete: 0 }, false)).toBe("estimate");
    expect(exactnessText({ exact: false, complete: 0.639 }, false)).toBe("estimate · 63 % exact");
    expect(exactnessText({ exact: false, complete: 0.5 }, true)).toBe("50 % computed");
  });

  it("of a file that is slow to drag through: the cost, and code that can be copied", async () => {
    const nodes = strainTree();
    Object.assign(nodes[0] as object, {
      frame_cost: {
        seconds_per_frame: 0.031,
        chunk_bytes: 95 * 2 ** 20,
        frames_per_chunk: 729,
        slow: true,
        advice: '`scan.reshard("scan.zarr")?` makes it 0.4 ms.',
      },
    });
    const { st } = await show({}, { nodes });
    expect(st("status-message").textContent).toContain("95 MiB and 31 ms");
    expect(st("status").querySelector("code")?.textContent).toBe('scan.reshard("scan.zarr")?');
    expect(st("copy-advice").getAttribute("aria-label")).toBe("Copy this code");
    st("status").querySelector<HTMLElement>("[aria-label=Dismiss]")?.click();
    expect(st("status-message").textContent).toBe("");
  });
});

it("shows a name in a message as code, without a button", async () => {
  const { st, model } = await show();
  const message = "`flat` was not saved; the folder does not exist";
  model.deliver({ type: "notice", level: "error", message, hint: "", node: null });
  expect(st("status-message").textContent).toBe("flat was not saved; the folder does not exist");
  expect(st("status").querySelector("[data-st=copy-advice]")).toBeNull();
});
