import { describe, expect, it } from "vitest";
import { bytesText, parseBytes } from "../src/geometry/bytes";
import { eachOnAFreshPage, pass, press, show, type } from "./mounted";

eachOnAFreshPage();

describe("the memory", () => {
  it("is shown, and its limit changed in words", async () => {
    const { st, requests, kernel } = await show();
    expect(st("memory-text").textContent).toBe("1.3 GiB of 4 GiB");
    st("memory").click();
    type(st("memory-budget"), "lots");
    st("memory-set").click();
    await pass(10);
    expect(st("memory-problem").textContent).toContain("4 GiB");
    expect(requests("set_budget")).toHaveLength(0);
    type(st("memory-budget"), "512 MiB");
    st("memory-set").click();
    await pass(50);
    expect(requests("set_budget")[0]?.bytes).toBe(512 * 2 ** 20);
    expect(kernel.budget).toBe(512 * 2 ** 20);
    expect(st("memory-text").textContent).toBe("512 MiB of 512 MiB");
    expect(document.querySelector("[data-st=memory-dialog]")).toBeNull();
  });

  it("closes its dialog with Escape and gives the focus back", async () => {
    const { st } = await show();
    st("memory").click();
    press(st("memory-budget"), "Escape");
    expect(document.querySelector("[data-st=memory-dialog]")).toBeNull();
    expect(document.activeElement).toBe(st("memory"));
  });

  it("is written in units of 1024 and read in many", () => {
    expect([0, 1000, 1536, 4 * 2 ** 30, 1023.9 * 2 ** 20].map(bytesText)).toEqual([
      "0 B",
      "1000 B",
      "1.5 KiB",
      "4 GiB",
      "1 GiB",
    ]);
    expect(["4 GiB", "1.5g", "800 MB", "2", "0,5 GiB"].map(parseBytes)).toEqual([
      4 * 2 ** 30,
      1.5 * 2 ** 30,
      8e8,
      2 * 2 ** 30,
      2 ** 29,
    ]);
    expect(["", "4 apples", "-3 GiB", "0"].map(parseBytes)).toEqual([null, null, null, null]);
  });
});
