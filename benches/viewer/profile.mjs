// Where the processor spends its time in the viewer's own script, by the browser's profiler.

const SAMPLE_US = 200;

/** Which part of the work a function of the bundle belongs to: by its name, the innermost that is known. */
const PARTS = {
  packedWords: "unpacking",
  unpack: "unpacking",
  "#means": "unpacking",
  lookUp: "mapping",
  paintWords: "mapping",
  paintBytes: "mapping",
  paintFloats: "mapping",
  paint: "mapping",
  shaded: "mapping",
  putImageData: "painting",
  send: "requests",
};

/**
 * Milliseconds per picture that is drawn while `work` runs, in functions of the viewer and in what they call of the
 * browser. What JupyterLab does when the viewer sends something is not the viewer's.
 */
export async function ownWork(cdp, work) {
  await cdp.send("Profiler.enable");
  await cdp.send("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await cdp.send("Profiler.start");
  const { drawn } = await work();
  const { profile } = await cdp.send("Profiler.stop");
  await cdp.send("Profiler.disable");
  const time = timesOf(profile);
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])));
  const found = { unpacking: 0, mapping: 0, painting: 0, panels: 0, requests: 0 };
  for (const node of profile.nodes) {
    const part = partOf(node, parents);
    if (part !== null) {
      found[part] += (time.get(node.id) ?? 0) / 1000 / Math.max(1, drawn);
    }
  }
  const total = Object.values(found).reduce((sum, value) => sum + value, 0);
  return { total, ...found, pictures: drawn };
}

/** Microseconds in each node itself. */
function timesOf({ samples, timeDeltas }) {
  const times = new Map();
  samples.forEach((node, i) => times.set(node, (times.get(node) ?? 0) + timeDeltas[i]));
  return times;
}

/** `null` for what is not the viewer's: its functions are those of a module without an address. */
function partOf(node, parents) {
  let part = null;
  let ours = false;
  for (let at = node; at; at = parents.get(at.id)) {
    const { url, functionName } = at.callFrame;
    if (url !== "" && !url.startsWith("blob:")) {
      break;
    }
    ours ||= url !== "";
    part ??= PARTS[functionName] ?? null;
  }
  return ours ? (part ?? "panels") : null;
}
