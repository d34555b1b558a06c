import { beforeEach, describe, expect, it, vi } from "vitest";
import { type FrameRequest, PROTOCOL_VERSION, type Request } from "../src/protocol/generated";
import { Picture } from "../src/state/picture";
import { FramePuller } from "../src/state/pull";
import { Session } from "../src/state/session";
import { Store } from "../src/state/store";
import { INITIAL_PANE, INITIAL_VIEW, type PaneState, type ViewState } from "../src/state/view";
import { FakeKernel } from "./fake_kernel";
import { FakeModel } from "./fake_model";
import { strainTree } from "./fixtures";

const FULL = 2048;
const SHAPE = `signal:${FULL}x${FULL}`;
const pixel = (x: number, y: number): number => x + 3 * y;

/** Reduces a large frame as the kernel does. */
function answer(model: FakeModel, request: FrameRequest): void {
  const part = request.part ?? { x0: 0, y0: 0, width: FULL, height: FULL };
  const block = Math.ceil(Math.max(part.width / request.size_px[0], part.height / request.size_px[1]));
  const [width, height] = [Math.ceil(part.width / block), Math.ceil(part.height / block)];
  const samples = block === 1 ? new Uint16Array(width * height) : new Float32Array(width * height);
  const middle = (block - 1) / 2;
  for (let i = 0; i < samples.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    samples[i] = pixel(part.x0 + x * block + middle, part.y0 + y * block + middle);
  }
  model.deliver(
    {
      ...request,
      revision: 1,
      space: "signal",
      width,
      height,
      full_width: FULL,
      full_height: FULL,
      part,
      block,
      sample: block === 1 ? "u16" : "f32",
      encoding: "raw",
      planes: 1,
      percentiles: [0, 8000],
      extrema: [0, 8188],
      peak_count: null,
      complete: 1,
      draft: false,
      exact: true,
      times_ms: { queue: 0, compute: 0, encode: 0 },
    },
    [new DataView(samples.buffer)],
  );
}

describe("a frame larger than its canvas", () => {
  let session: Session;
  let pane: Store<PaneState>;
  let asked: FrameRequest[];

  beforeEach(async () => {
    const nodes = strainTree().slice(0, 1);
    for (const axis of nodes[0]?.signal_axes ?? []) {
      axis.size = FULL;
    }
    const model = new FakeModel({ protocol: PROTOCOL_VERSION, node: 1, position: [3, 7] });
    new FakeKernel(model, { nodes });
    const others = model.kernel;
    asked = [];
    model.kernel = (content) => {
      const request = content as Request;
      if (request.type === "frame") {
        asked.push(request);
        answer(model, request);
      } else {
        others?.(content);
      }
    };
    const { signal } = new AbortController();
    session = new Session(model, signal);
    await Promise.resolve();
    const view = new Store<ViewState>(INITIAL_VIEW);
    pane = new Store<PaneState>({ ...INITIAL_PANE, node: 1, size: [400, 400] });
    const puller = new FramePuller(session, view, pane, () => true, signal);
    puller.refresh("settled");
  });

  it("is shown in means, and pixel by pixel from 1:1 on", () => {
    expect(pane.value.picture?.reply).toMatchObject({ block: 4, width: 512 });
    session.setZoom(SHAPE, { scale: 8, x: 0.5, y: 0.25 });
    const { reply, samples } = pane.value.picture ?? {};
    expect(reply?.block).toBe(1);
    const { x0 = 0, y0 = 0, width = 0 } = reply?.part ?? {};
    expect(samples?.[5 + 7 * width]).toBe(pixel(x0 + 5, y0 + 7));
    expect(width).toBeLessThan(600);
    session.setZoom(SHAPE, { scale: 2, x: 0.5, y: 0.25 });
    expect(pane.value.picture?.reply.block).toBe(2);
  });

  it("asks for nothing while what is seen was asked for, and shows the kept picture at once", () => {
    session.setZoom(SHAPE, { scale: 8, x: 0.5, y: 0.5 });
    expect(asked).toHaveLength(2);
    session.setZoom(SHAPE, { scale: 8, x: 0.5005, y: 0.5 });
    expect(asked).toHaveLength(2);
    session.setZoom(SHAPE, { scale: 1, x: 0.5, y: 0.5 });
    expect(asked).toHaveLength(2);
    expect(pane.value.picture?.reply.part).toMatchObject({ x0: 0, width: FULL });
  });

  it("is dragged through without its samples being read", () => {
    const read = vi.spyOn(Picture.prototype, "samples", "get");
    for (const column of [8, 9, 10]) {
      session.moveTo([3, column]);
      expect(pane.value.picture?.reply.index).toEqual([3, column]);
    }
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
  });

  it("shows the whole picture until another part has come, never the part of another position", () => {
    session.setZoom(SHAPE, { scale: 16, x: 0.2, y: 0.2 });
    const shown: [number, number][] = [];
    const note = (): void => {
      const { reply } = pane.value.picture ?? {};
      shown.push([reply?.block ?? 0, reply?.index.at(-1) ?? -1]);
    };
    pane.on(["picture"], note, new AbortController().signal);
    session.setZoom(SHAPE, { scale: 16, x: 0.8, y: 0.8 });
    expect(shown).toEqual([
      [4, 7],
      [1, 7],
    ]);
    shown.length = 0;
    session.moveTo([3, 8]);
    expect(shown).toEqual([[1, 8]]);
    expect(asked.at(-1)).toMatchObject({ detail: "moving", index: [3, 8] });
    expect(asked.at(-1)?.part?.width).toBeLessThan(200);
  });
});
