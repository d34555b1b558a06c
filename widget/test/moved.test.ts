import { describe, expect, it } from "vitest";
import { eachOnAFreshPage, pass, show, type Viewer } from "./mounted";

eachOnAFreshPage();

const poster = (): DataView => new DataView(Uint8Array.of(137, 80, 78, 71).buffer);
const viewers = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-st=viewer]")];

/** What a notebook does when the picture of an output is replaced: the output is emptied, and shows the model anew. */
async function replaceOutput({ element, render }: Viewer): Promise<HTMLElement> {
  const output = element.parentElement as HTMLElement;
  output.textContent = "Loading widget...";
  await Promise.resolve();
  const next = document.createElement("div");
  render(next);
  await Promise.resolve();
  output.textContent = "";
  output.append(next);
  await Promise.resolve();
  return next;
}

describe("a view whose output is replaced", () => {
  it("is the same viewer, and asks for nothing again", async () => {
    const view = await show({ node: 4 });
    const [before] = viewers();
    const sent = view.model.sent.length;
    const next = await replaceOutput(view);
    await pass();
    expect(viewers()).toEqual([before]);
    expect(next.contains(before as Node)).toBe(true);
    expect(view.model.sent).toHaveLength(sent);
  });

  it("keeps a dialog, what is typed in it, and the focus at once", async () => {
    const view = await show({ node: 2 });
    view.st("save").click();
    const field = view.st("save-path") as HTMLInputElement;
    field.value = "my result.zspy";
    field.setSelectionRange(3, 9);
    await replaceOutput(view);
    // No key can arrive in between.
    expect(document.activeElement).toBe(field);
    expect(field.isConnected && view.st("save-dialog").contains(field)).toBe(true);
    expect([field.value, field.selectionStart, field.selectionEnd]).toEqual(["my result.zspy", 3, 9]);
  });

  it("gets no focus that was somewhere else", async () => {
    const view = await show();
    view.st("navigator-canvas").focus();
    view.st("navigator-canvas").blur();
    await pass(10);
    await replaceOutput(view);
    expect(document.activeElement).toBe(document.body);
  });

  it("is never covered by the poster, whatever it shows", async () => {
    const view = await show({ node: 4, poster: poster() });
    await pass(1000);
    expect(document.querySelector("[data-st=poster]")).toBeNull();
    await replaceOutput(view);
    await pass();
    expect(document.querySelector("[data-st=poster]")).toBeNull();
    // A second view of the model has the picture at once, and no poster either.
    const other = document.createElement("div");
    document.body.append(other);
    view.render(other);
    await pass(1);
    expect(viewers()).toHaveLength(2);
    expect(other.querySelector("[data-st=poster]")).toBeNull();
  });

  it("ends with its new element, not with the old one", async () => {
    const view = await show();
    const output = view.element.parentElement as HTMLElement;
    await replaceOutput(view);
    view.end.abort();
    await pass(1000);
    expect(viewers()).toHaveLength(1);
    const third = document.createElement("div");
    output.textContent = "";
    const end = view.render(third);
    output.append(third);
    await pass();
    expect(viewers()).toHaveLength(1);
    end.abort();
    expect(viewers()).toHaveLength(0);
    await pass(1000);
    expect(view.requests("attention").at(-1)).toMatchObject({ state: "hidden" });
  });

  it("stays when its cell is moved: one element ends before the next comes", async () => {
    const view = await show({ node: 2 });
    const [before] = viewers();
    view.st("navigator-canvas").focus();
    view.end.abort();
    expect(viewers()).toHaveLength(0);
    const next = document.createElement("div");
    document.body.append(next);
    view.render(next);
    await pass(50);
    expect(viewers()).toEqual([before]);
    expect(document.activeElement).toBe(view.st("navigator-canvas"));
  });

  it("has a viewer of its own in a second element that is shown beside it", async () => {
    const view = await show();
    const other = document.createElement("div");
    view.render(other);
    document.body.append(other);
    await pass();
    expect(viewers()).toHaveLength(2);
    expect(view.element.querySelectorAll("[data-st=viewer]")).toHaveLength(1);
  });
});

describe("a poster", () => {
  it("goes with the first picture, for which its place waits", async () => {
    const { element } = await show({ poster: poster() }, { delayMs: 1000 });
    // It is seen where no kernel answers; what is said meanwhile stands in both places.
    expect(document.querySelectorAll(".signaltree:not(.st-static) [data-st=poster]")).toHaveLength(1);
    const waiting = (): (boolean | undefined)[] =>
      ["navigator", "signal"].map((name) => {
        const said = element.querySelector<HTMLElement>(`.st-surface-${name} .st-single`);
        return said?.textContent === "waiting…" && !said.hidden;
      });
    expect(waiting()).toEqual([true, true]);
    await pass(2500);
    expect(document.querySelector("[data-st=poster]")).toBeNull();
    expect(waiting()).toEqual([false, false]);
  });

  it("stays while no kernel answers", async () => {
    const { st } = await show({
      poster: poster(),
      asleep: "run",
      panes: [
        { key: 0, node: 1 },
        { key: 1, node: 2 },
      ],
    });
    await pass(5000);
    expect(document.querySelectorAll("[data-st=poster]")).toHaveLength(1);
    expect(st("poster").closest(".st-pane")?.classList.contains("st-focused")).toBe(true);
  });
});
