import { describe, expect, it } from "vitest";
import { savedPath, withSuffix } from "../src/panels/save";
import { eachOnAFreshPage, pass, show, type } from "./mounted";

eachOnAFreshPage();

describe("saving", () => {
  it("asks for a file of the chosen format and shows rate and time left", async () => {
    const { st, requests } = await show({ node: 2 });
    st("save").click();
    expect((st("save-path") as HTMLInputElement).value).toBe("flat.zspy");
    type(st("save-format"), ".zarr");
    expect((st("save-path") as HTMLInputElement).value).toBe("flat.zarr");
    type(st("save-path"), "results/flat.npy", "input");
    expect((st("save-format") as HTMLSelectElement).value).toBe(".npy");
    st("save-start").click();
    await pass(50);
    expect(requests("save")[0]).toMatchObject({ node: 2, path: "results/flat.npy" });
    expect(document.querySelector("[data-st=save-dialog]")).toBeNull();
    expect(st("status-progress-label").textContent).toBe(
      "saving results/flat.npy 62 % · 1240 positions/s · 1 min 12 s left",
    );
  });

  it("says in the dialog why it was refused", async () => {
    const { st, kernel } = await show({ node: 2 });
    kernel.refuseNext = {
      code: "io",
      message: "flat.zspy cannot be written: the folder does not exist",
      hint: "Make the folder first.",
      node: 2,
      index: null,
    };
    st("save").click();
    st("save-start").click();
    await pass(50);
    expect(st("save-problem").textContent).toBe(
      "flat.zspy cannot be written: the folder does not exist Make the folder first.",
    );
  });

  it("goes on where it was stopped", async () => {
    const { st, model, kernel, requests } = await show({ node: 2 });
    st("save").click();
    st("save-start").click();
    await pass(50);
    const progress = { ...kernel.nodes[1]?.progress, state: "cancelled", can_resume: true };
    model.deliver({ type: "progress", ...progress });
    await pass(50);
    expect(st("status-compute").textContent).toBe("Go on");
    st("status-compute").click();
    await pass(50);
    expect(requests("save").map(({ path }) => path)).toEqual(["flat.zspy", "flat.zspy"]);
  });

  it("says when the file is complete", async () => {
    const { st, model, kernel } = await show({ node: 2 });
    st("save").click();
    st("save-start").click();
    await pass(50);
    model.deliver({ type: "progress", ...kernel.nodes[1]?.progress, state: "done" });
    await pass(50);
    expect(st("status-message").textContent).toBe("Saved flat.zspy");
    expect(st("status").dataset.level).toBe("info");
  });

  it("asks before it replaces what is there under that name", async () => {
    const { st, kernel, requests } = await show({ node: 2 });
    const message = "flat.zspy exists already (scan, of 2026-11-23 08:15 UTC)";
    const there = { code: "exists", message, hint: "", node: 2, index: null };
    kernel.refuseNext = there;
    st("save").click();
    st("save-start").click();
    await pass(50);
    expect(st("save-exists").textContent).toBe(`${message}. Replace it?`);
    expect(document.activeElement).toBe(st("save-other"));
    expect(st("save-other").classList.contains("st-primary")).toBe(true);
    expect([
      st("save-start").closest<HTMLElement>("div")?.hidden,
      st("save-replace").classList.contains("st-primary"),
    ]).toEqual([true, false]);
    st("save-other").click();
    expect(st("save-start").closest<HTMLElement>("div")?.hidden).toBe(false);
    expect(document.activeElement).toBe(st("save-path"));
    expect(st("save-exists").closest("[role=alert]")?.hasAttribute("hidden")).toBe(true);
    kernel.refuseNext = there;
    st("save-start").click();
    await pass(50);
    st("save-replace").click();
    await pass(50);
    expect(requests("save").map(({ replace }) => replace)).toEqual([undefined, undefined, true]);
    expect(document.querySelector("[data-st=save-dialog]")).toBeNull();
  });

  it("knows what is written from what is said about it", () => {
    expect(savedPath("saving out/strain map.zspy")).toBe("out/strain map.zspy");
    expect(savedPath("saving part 1/3 of strain.zspy")).toBeNull();
    expect(savedPath("computing flat")).toBeNull();
  });

  it("can keep the whole signal in memory instead", async () => {
    const { st, requests } = await show({ node: 2 });
    st("save").click();
    st("save-compute").click();
    await pass(50);
    expect(requests("compute")[0]).toMatchObject({ node: 2 });
  });

  it("changes the ending of a name, not the name", () => {
    expect(withSuffix("a.b/flat.zspy", ".npy")).toBe("a.b/flat.npy");
    expect(withSuffix("flat", ".zarr")).toBe("flat.zarr");
    expect(withSuffix("flat.v2", ".zarr")).toBe("flat.v2.zarr");
    expect(withSuffix("flat.TIF", ".zarr")).toBe("flat.zarr");
  });

  it("refuses the ending of a format that is not written", async () => {
    const { st, requests } = await show({ node: 2 });
    st("save").click();
    type(st("save-path"), "flat.tif", "input");
    st("save-start").click();
    await pass(50);
    expect(requests("save")).toEqual([]);
    expect(st("save-problem").textContent).toBe(
      ".tif is not written. Give the name one of the endings .zspy, .zarr, .hspy, .npy, or none.",
    );
    type(st("save-path"), "flat", "input");
    expect(st("save-problem").textContent).toBe("");
    st("save-start").click();
    await pass(50);
    expect(requests("save")[0]).toMatchObject({ path: "flat.zspy" });
  });
});
