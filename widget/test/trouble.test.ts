import { describe, expect, it } from "vitest";
import { eachOnAFreshPage, hook, pass, press, show } from "./mounted";

eachOnAFreshPage();

describe("trouble", () => {
  it("shows a failed frame in the view, and the next one works", async () => {
    const { st, kernel } = await show();
    kernel.failNext = {
      code: "decode",
      message: "chunk 3.7 cannot be decoded",
      hint: "The file is damaged there.",
      node: 1,
      index: [3, 8],
    };
    press(st("navigator-canvas"), "ArrowRight");
    expect(st("signal-failure").hidden).toBe(false);
    expect(st("signal-failure").textContent).toContain("The file is damaged there.");
    press(st("navigator-canvas"), "ArrowRight");
    await pass();
    expect(st("signal-failure").hidden).toBe(true);
    expect(hook().frame?.index).toEqual([3, 9]);
  });

  it("shows the poster at once and says after three seconds that the kernel is gone", async () => {
    const poster = new DataView(Uint8Array.of(137, 80, 78, 71).buffer);
    const { st, kernel, element } = await show({ poster, poster_text: "strain" }, { silent: true });
    expect(st("poster").getAttribute("src")).toBe("blob:poster");
    expect(st("status-message").textContent).toBe("Connecting to the kernel…");
    await pass(3000);
    expect(st("status-message").textContent).toBe("Kernel gone, last frame");
    kernel.silent = false;
    await pass(4000);
    expect(st("status-message").textContent).toBe("");
    expect(element.querySelector("[data-st=poster]")).toBeNull();
  });

  it("notices a kernel that goes away, and that it comes back", async () => {
    const { st, kernel } = await show();
    kernel.silent = true;
    press(st("navigator-canvas"), "ArrowRight");
    await pass(6000);
    expect(st("status-message").textContent).toBe("Kernel gone, last frame");
    kernel.silent = false;
    await pass(15_000);
    expect(st("status-message").textContent).toBe("");
    expect(hook().frame?.index).toEqual([3, 8]);
  });

  it("keeps the poster when the messages are of another version", async () => {
    const { st, requests } = await show({ protocol: 1, poster: new DataView(new ArrayBuffer(4)) });
    expect(requests("hello")).toHaveLength(0);
    expect(st("status-message").textContent).toContain("another version");
    expect(st("poster")).toBeTruthy();
  });

  it("says when a picture is malformed", async () => {
    const { model, st, requests } = await show();
    press(st("navigator-canvas"), "ArrowRight");
    const { view, generation } = requests("frame").at(-1) as { view: number; generation: number };
    model.deliver(
      {
        type: "frame",
        view,
        generation: generation + 1,
        node: 1,
        planes: 1,
        width: 9,
        height: 9,
        sample: "u16",
        peak_count: null,
      },
      [new DataView(new ArrayBuffer(3))],
    );
    expect(st("signal-failure").textContent).toContain("needs 162 bytes, 3 came");
  });
});

describe("caveats", () => {
  it("stand behind a badge, of the node and as they are now", async () => {
    const { kernel, st } = await show();
    expect(st("caveats").hidden).toBe(true);
    const tell = async (...texts: string[]): Promise<void> => {
      for (const node of kernel.nodes) {
        node.caveats = texts.map((text) => ({ code: "absent_chunks", text }));
      }
      kernel.changed();
      await pass(50);
    };
    await tell("at least 3 of 64 chunks are not in the store", "shown in pixels");
    expect(st("caveats").hidden).toBe(false);
    expect(st("caveats-count").textContent).toBe("2");
    st("caveats").click();
    const items = (): (string | null)[] =>
      [...st("caveats-dialog").querySelectorAll("li")].map(({ textContent }) => textContent);
    expect(items()).toEqual(["at least 3 of 64 chunks are not in the store", "shown in pixels"]);
    await tell("at least 7 of 64 chunks are not in the store", "shown in pixels");
    expect(items()[0]).toContain("at least 7");
    await tell();
    expect(st("caveats").hidden).toBe(true);
  });

  it("are marked on a frame that the file lacks", async () => {
    const { kernel, model, st } = await show();
    expect(st("exactness").hidden).toBe(true);
    kernel.filled = true;
    model.traits.position = [4, 7];
    press(st("navigator-canvas"), "ArrowDown");
    await pass();
    expect(st("exactness").textContent).toBe("not in the file: fill value");
  });
});
