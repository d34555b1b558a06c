import { describe, expect, it } from "vitest";
import { hold } from "../src/notebook_output";
import { eachOnAFreshPage, pass, show } from "./mounted";

eachOnAFreshPage();

const VIEW = "application/vnd.jupyter.widget-view+json";
type Written = Record<string, unknown>;

/** A notebook as JupyterLab holds it: a cell of text, one that ran, one with the output of another model. */
function notebook(...models: string[]) {
  const cells = models.map((model_id) => {
    const written: Written[] = [
      { output_type: "stream", text: "a line" },
      {
        output_type: "execute_result",
        execution_count: 4,
        data: { [VIEW]: { model_id }, "image/png": "old" },
      },
    ];
    const get = (at: number) => ({ data: written[at]?.data as Written, toJSON: () => ({ ...written[at] }) });
    const set = (at: number, output: Written): void => {
      written[at] = output;
    };
    return { written, outputs: { length: written.length, get, set } };
  });
  const all = [{ written: [] }, ...cells];
  const list = { length: all.length, get: (at: number) => all[at] };
  return { cells, manager: { context: { model: { cells: list } } } };
}

describe("the picture in the notebook", () => {
  const next = {
    data: { [VIEW]: { model_id: "m1" }, "image/png": "new" },
    metadata: { "image/png": { width: 9 } },
  };

  it("is replaced in every output of its model, and in no other", () => {
    const { cells, manager } = notebook("m1", "m2", "m1");
    expect(hold(manager, "m1", next)).toBe(2);
    expect(cells[0]?.written[1]).toEqual({ output_type: "execute_result", execution_count: 4, ...next });
    expect(cells[1]?.written[1]?.data).toMatchObject({ "image/png": "old" });
    expect(cells[0]?.written[0]).toEqual({ output_type: "stream", text: "a line" });
    // JupyterLab has replaced it already: nothing is drawn again.
    expect(hold(manager, "m1", next)).toBe(0);
  });

  it("stays where there is no notebook that is known", () => {
    for (const manager of [undefined, null, {}, { context: { model: { cells: 3 } } }]) {
      expect(hold(manager, "m1", next)).toBe(0);
    }
  });

  it("is what the kernel tells a page that was loaded again", async () => {
    const { cells, manager } = notebook("m1");
    const { model } = await show();
    Object.assign(model, { widget_manager: manager });
    model.deliver({ type: "picture", ...next });
    await pass();
    expect(cells[0]?.written[1]?.data).toMatchObject({ "image/png": "new" });
  });
});
