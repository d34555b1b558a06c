/** The viewer on a plain page with a kernel that lives in it: for looking at, and for screenshots. */

import signaltree from "../src/index";
import { PROTOCOL_VERSION } from "../src/protocol/generated";
import { FakeKernel } from "../test/fake_kernel";
import { FakeModel } from "../test/fake_model";
import {
  deflectionTree,
  detectorTree,
  singleTree,
  spectrumTree,
  strainTree,
  tiltTree,
  windowTree,
} from "../test/fixtures";

const query = new URLSearchParams(location.search);
document.body.classList.toggle("dark", query.has("dark"));

const node = Number(query.get("node") ?? 1);
const beside = (query.get("beside") ?? "").split(",").filter((id) => id !== "");
const model = new FakeModel({
  protocol: PROTOCOL_VERSION,
  node,
  position: [18, 30],
  component: Number(query.get("picture") ?? 0),
  panes: [node, ...beside.map(Number)].map((id, key) => ({ key, node: id, component: 0 })),
  zoom: query.has("zoom") ? { "signal:128x112": { scale: Number(query.get("zoom")), x: 0.6, y: 0.5 } } : {},
});
const trees = {
  spectrum: spectrumTree,
  window: windowTree,
  tilt: tiltTree,
  single: singleTree,
  deflection: deflectionTree,
  detector: () => detectorTree(query.get("detector") ?? undefined),
};
const [, makeTree] = Object.entries(trees).find(([name]) => query.has(name)) ?? ["strain", strainTree];
const kernel = new FakeKernel(model, {
  nodes: makeTree(),
  delayMs: Number(query.get("delay") ?? 4),
});
kernel.estimates = query.has("estimates");
kernel.silent = query.has("silent");
if (query.has("exists")) {
  const message = "flat.zspy exists already (strained grain, of 2026-11-28 19:20 UTC) and is open as `again`";
  kernel.refuseNext = { code: "exists", message, hint: "", node, index: null };
}
const [source] = kernel.nodes;
if (query.has("slow") && source) {
  source.frame_cost = {
    seconds_per_frame: 0.031,
    chunk_bytes: 95e6,
    frames_per_chunk: 729,
    slow: true,
    advice: '`scan.reshard("scan.zarr")?` takes about 40 s and makes it 0.4 ms.',
  };
}
if (query.has("caveats") && source) {
  for (const node of kernel.nodes) {
    node.caveats = [
      {
        code: "absent_chunks",
        text: "32 of 64 chunks are not in the store half.zspy; their frames are the fill value 0",
      },
      {
        code: "axis_in_pixels",
        text: "axis-3 (E) is given by `gamma(x)`, which cannot be computed (the function `gamma` is not known); it is shown in pixels",
      },
    ];
  }
  kernel.filled = true;
}
if (query.has("uneven") && source) {
  const [energy] = source.signal_axes;
  if (energy) {
    // Converted from a wavelength: the steps grow with the energy.
    energy.values = Array.from(
      { length: energy.size },
      (_, i) => 1239.842 / (800 - (400 * i) / (energy.size - 1)),
    );
    energy.offset = energy.values[0] ?? 0;
    energy.scale = ((energy.values.at(-1) ?? 0) - energy.offset) / (energy.size - 1);
  }
}
Object.assign(globalThis, { kernel, model });

async function start(): Promise<void> {
  if (query.has("silent")) {
    // A poster like the kernel's: the picture it drew last.
    const canvas = new OffscreenCanvas(128, 112);
    const context = canvas.getContext("2d");
    context?.fillRect(0, 0, 128, 112);
    for (let i = 0; context && i < 40; i++) {
      context.fillStyle = `hsl(0 0% ${90 - i}%)`;
      context.beginPath();
      context.arc(8 + (i % 8) * 16, 10 + Math.floor(i / 8) * 22, 4, 0, 7);
      context.fill();
    }
    const png = await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
    model.traits.poster = new DataView(png);
    model.traits.poster_text = "scan · (40, 56 | 112, 128) u16";
  }
  const signal = new AbortController().signal;
  const widget = signaltree();
  widget.initialize({ model, signal });
  const element = document.querySelector<HTMLElement>("#viewer");
  if (element) {
    widget.render({ model, el: element, signal });
  }
}

void start();
