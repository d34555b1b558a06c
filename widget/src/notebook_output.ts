/**
 * The picture that the notebook holds for readers without a kernel. JupyterLab replaces it while it knows the cell's
 * run; after a reload of the page it does not, and the saved picture would no longer be what was last seen. The view lives in
 * the same page as the notebook, and puts it there.
 */

/** Data and metadata by kind, as in a notebook. */
export interface Held {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

const VIEW = "application/vnd.jupyter.widget-view+json";
const PNG = "image/png";

/** The parts of JupyterLab's notebook that are used; any may be missing elsewhere. */
interface Output {
  data?: Record<string, unknown>;
  toJSON(): Record<string, unknown>;
}
interface List<T> {
  length: number;
  get(index: number): T | undefined;
}
interface Outputs extends List<Output> {
  set(index: number, output: Record<string, unknown>): void;
}
interface Manager {
  context?: { model?: { cells?: List<{ outputs?: Outputs }> } };
}

/** Puts what is held into every output that shows the model and holds another picture; says in how many. */
export function hold(manager: unknown, model: string, { data, metadata }: Held): number {
  let changed = 0;
  try {
    const cells = (manager as Manager | undefined)?.context?.model?.cells;
    for (let at = 0; cells && at < cells.length; at++) {
      const outputs = cells.get(at)?.outputs;
      for (let i = 0; outputs && i < outputs.length; i++) {
        const output = outputs.get(i);
        const view = output?.data?.[VIEW] as { model_id?: unknown } | undefined;
        if (output && view?.model_id === model && output.data?.[PNG] !== data[PNG]) {
          outputs.set(i, { ...output.toJSON(), data, metadata });
          changed += 1;
        }
      }
    }
  } catch (error) {
    // Another notebook than JupyterLab's: its picture stays as it is.
    console.warn("SignalTree: the picture in the notebook was not replaced", error);
  }
  return changed;
}
