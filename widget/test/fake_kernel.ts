/** A kernel that lives in the page: answers like the real one, from synthetic patterns. */

import {
  type FrameReply,
  type FrameRequest,
  type NavigatorRequest,
  type NodeChange,
  type NodeDescription,
  PROTOCOL_VERSION,
  type Progress,
  type Request,
  type TreeChange,
  type WireError,
} from "../src/protocol/generated";
import { detectorImage } from "./fake_detector";
import type { FakeModel } from "./fake_model";
import { deflectionImage, latticeAt, mapImage, noise, pattern, spectrum, strainAt } from "./fake_scan";
import { colourAt, DETECTOR, OPERATIONS, SCAN, strainTree } from "./fixtures";

function view(array: ArrayBufferView): DataView {
  return new DataView(array.buffer, array.byteOffset, array.byteLength);
}

function statistics(values: ArrayLike<number>): Pick<FrameReply, "percentiles" | "extrema"> {
  const finite = Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const at = (share: number): number => finite[Math.floor(share * (finite.length - 1))] ?? Number.NaN;
  return { percentiles: [at(0.01), at(0.99)], extrema: [at(0), at(1)] };
}

/** The fields of a node that are others than before, and those that are gone. */
function changeOf(before: object, node: NodeDescription): NodeChange[] {
  const was = new Map<string, unknown>(Object.entries(before));
  const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
  const fields = Object.entries(node).filter(
    ([name, value]) => !was.has(name) || !same(was.get(name), value),
  );
  const without = [...was.keys()].filter((name) => !(name in node));
  if (fields.length === 0 && without.length === 0) {
    return [];
  }
  const change = { id: node.id, fields: Object.fromEntries(fields) };
  return [without.length > 0 ? { ...change, without } : change];
}

function whyNot(operation: string, node: NodeDescription, _at: number): string | null {
  return operation === "strain_map" && node.name !== "peaks" ? "needs peaks: find peaks first" : null;
}

export interface FakeKernelOptions {
  nodes?: NodeDescription[];
  /** Milliseconds until a picture is answered; 0: at once. */
  delayMs?: number;
  /** Share of a map computed per tick; 1: at once. */
  mapStep?: number;
}

export class FakeKernel {
  nodes: NodeDescription[];
  /** Images of detectors never become exact. */
  estimates = false;
  /** Counts that are added to all of a frame of whole numbers, by its position. */
  pedestal: (index: readonly number[]) => number = () => 0;
  /** The file lacks the frames that are shown. */
  filled = false;
  /** Bytes the kernel may keep. */
  budget = 4 * 2 ** 30;
  /** What any operation would take beside any node. */
  possible: number[] = [];
  /** Why an operation does not fit a node. */
  whyNot = whyNot;
  /** Refuses to say. */
  refuseMenu: WireError | null = null;
  /** Answers nothing at all. */
  silent = false;
  /** Navigation images fail with this. */
  failNavigators: WireError | null = null;
  /** Next picture fails with this. */
  failNext: WireError | null = null;
  /** Refuses the next change of parameters. */
  refuseNext: WireError | null = null;
  delayMs: number;
  mapStep: number;
  #model: FakeModel;
  #complete = new Map<number, number>();
  #revision = 1;
  #told: NodeDescription[] = [];
  #nextNode = 20;
  #past = new Map<number, Record<string, unknown>[]>();
  #future = new Map<number, Record<string, unknown>[]>();

  constructor(model: FakeModel, options: FakeKernelOptions = {}) {
    this.#model = model;
    this.nodes = options.nodes ?? strainTree();
    this.delayMs = options.delayMs ?? 0;
    this.mapStep = options.mapStep ?? 0.04;
    model.kernel = (content) => this.#handle(content as Request);
  }

  /** Tells the page what of the tree it was not told yet, if there is anything. */
  changed(): void {
    const told = this.#told;
    this.#told = structuredClone(this.nodes);
    const changes = this.#told.flatMap((node) => changeOf(told.find(({ id }) => id === node.id) ?? {}, node));
    const order = this.#told.map(({ id }) => id);
    const other = order.join() !== told.map(({ id }) => id).join();
    if (changes.length > 0 || other) {
      const since = this.#revision;
      this.#revision += 1;
      const change: TreeChange = { since, revision: this.#revision, nodes: changes, ...(other && { order }) };
      this.#model.deliver({ type: "tree_changed", ...change });
    }
  }

  /** A change of which the page does not hear. */
  lost(): void {
    this.#revision += 1;
    this.#told = structuredClone(this.nodes);
  }

  /** Tells how far a computation is; what the tree says of it is told again with the next change. */
  progressed(progress: Progress): void {
    this.#told = this.#told.map((node) => {
      const { progress: _, ...rest } = node;
      return node.id === progress.node ? (rest as NodeDescription) : node;
    });
    this.#model.deliver({ type: "progress", ...progress });
  }

  #later(work: () => void): void {
    if (this.delayMs === 0) {
      work();
    } else {
      setTimeout(work, this.delayMs);
    }
  }

  #handle(request: Request): void {
    if (this.silent) {
      return;
    }
    switch (request.type) {
      case "hello":
        this.#told = structuredClone(this.nodes);
        this.#model.deliver({
          type: "welcome",
          request_id: request.request_id,
          protocol: PROTOCOL_VERSION,
          operations: OPERATIONS,
          tree: { revision: this.#revision, nodes: structuredClone(this.nodes) },
          budget_bytes: this.budget,
        });
        this.memory();
        break;
      case "frame":
        this.#later(() => this.#frame(request));
        break;
      case "navigator":
        this.#later(() => this.#navigator(request));
        break;
      case "set_params":
        this.#setParams(request.request_id, request.node, request.params);
        break;
      case "undo":
      case "redo":
        this.#travel(request.request_id, request.node, request.type);
        break;
      case "branch":
        this.#branch(request.request_id, request.node);
        break;
      case "attention":
        this.#model.deliver({ type: "done", request_id: request.request_id, node: null });
        break;
      case "add_operation":
        this.#add(request.request_id, request.parents, request.operation);
        break;
      case "menu":
        this.#later(() => this.#menu(request.request_id, request.node));
        break;
      case "inputs":
        this.#model.deliver({ type: "inputs", request_id: request.request_id, nodes: this.possible });
        break;
      case "paths": {
        const paths = ["dead.npy", "masks/"].filter((path) => path.startsWith(request.written));
        this.#model.deliver({ type: "paths", request_id: request.request_id, paths });
        break;
      }
      case "set_inputs": {
        const node = this.nodes.find(({ id }) => id === request.node);
        this.#model.deliver({ type: "done", request_id: request.request_id, node: null });
        if (node) {
          node.parents = [node.parents[0] ?? 0, ...request.further];
          node.revision += 1;
          this.#entitle(node);
          this.changed();
        }
        break;
      }
      case "remove_node":
        this.#remove(request.request_id, request.node);
        break;
      case "compute":
        this.#model.deliver({ type: "done", request_id: request.request_id, node: null });
        this.#compute(request.node);
        break;
      case "set_budget":
        this.#model.deliver({ type: "done", request_id: request.request_id, node: null });
        this.budget = request.bytes;
        this.memory();
        break;
      case "save":
        this.#save(request.request_id, request.node, request.path);
        break;
      case "cancel":
        this.#model.deliver({ type: "done", request_id: request.request_id, node: null });
        this.#progress(request.node, "cancelled");
        break;
    }
  }

  #menu(request_id: number, id: number): void {
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (this.refuseMenu) {
      this.#model.deliver({ type: "refused", request_id, error: this.refuseMenu });
    } else if (node) {
      const entries = OPERATIONS.map(({ name }, at) => ({
        operation: name,
        reason: this.whyNot(name, node, at),
      }));
      this.#model.deliver({ type: "menu", request_id, entries });
    }
  }

  #frame(request: FrameRequest): void {
    const kept = this.nodes.find(({ id }) => id === request.node);
    const node = kept && request.draft ? { ...kept, params: { ...kept.params, ...request.draft } } : kept;
    const error = this.failNext;
    this.failNext = null;
    if (error || !node) {
      const missing = {
        code: "not_found",
        message: "No such node",
        hint: "",
        node: request.node,
        index: null,
      };
      this.#model.deliver({
        type: "failed",
        view: request.view,
        generation: request.generation,
        error: error ?? missing,
      });
      return;
    }
    const region = request.region;
    const [y = 0, x = 0] = region
      ? [region.y0 + (region.height >> 1), region.x0 + (region.width >> 1)]
      : request.index.slice(-2);
    const buffers: ArrayBufferView[] = [];
    const image = detectorImage(node, { ...node.params, ...request.draft });
    const part: Partial<FrameReply> = { space: "signal", sample: "f32", complete: 1, peak_count: null };
    let size = { width: DETECTOR.nx, height: DETECTOR.ny };
    if (image) {
      const exact = request.detail === "settled" && !this.estimates;
      buffers.push(image);
      Object.assign(part, {
        space: "navigation",
        exact,
        complete: exact ? 1 : 0.42,
        draft: request.draft !== undefined,
      });
      size = { width: SCAN.nx, height: SCAN.ny };
    } else if (node.kind === "map") {
      const complete = this.#complete.get(node.id) ?? 0;
      const outer = request.index.at(-3) ?? 0;
      const [width = 1, height = 1] = node.navigation_axes.map((axis) => axis.size).reverse();
      const composite = node.composites[request.component - node.components.length];
      const planes = (composite?.components ?? [request.component]).map((component) => {
        const image = node.name === "shift" ? deflectionImage(component) : mapImage(component, complete);
        // Of a smaller scan the first values.
        return image.map((value) => value * (1 + outer)).subarray(0, width * height);
      });
      const all = new Float32Array(planes.length * width * height);
      for (const [i, plane] of planes.entries()) {
        all.set(plane, i * width * height);
      }
      buffers.push(all);
      const [y, x] = planes;
      const whole =
        composite?.colouring === "wheel" && y && x ? y.map((v, i) => Math.hypot(v, x[i] ?? 0)) : y;
      Object.assign(part, {
        space: "navigation",
        complete,
        exact: complete >= 1,
        planes: planes.length,
        ...(composite && { ranges: planes.map((plane) => statistics(plane).percentiles) }),
        ...statistics(whole ?? []),
      });
      size = { width, height };
    } else if (node.element.startsWith("rgb")) {
      const count = DETECTOR.nx * DETECTOR.ny;
      const planes = node.element.startsWith("rgba") ? 4 : 3;
      buffers.push(
        Uint8Array.from({ length: planes * count }, (_, i) => colourAt(i % count, Math.floor(i / count))),
      );
      const whole = [0, 255] as [number, number];
      Object.assign(part, {
        ...{ sample: "u8", planes, ranges: Array(planes).fill(whole) },
        ...{ percentiles: whole, extrema: whole },
      });
    } else if (node.signal_axes.length === 1) {
      buffers.push(spectrum(y, x));
      part.sample = "u16";
      size = { width: 1024, height: 1 };
    } else if (node.element === "u16") {
      const brightness = 1 + (request.index.at(-3) ?? 0);
      const pedestal = this.pedestal(request.index);
      buffers.push(Uint16Array.from(pattern(y, x, true), (value) => value * brightness + pedestal));
      part.sample = "u16";
    } else {
      buffers.push(pattern(y, x, false));
      if (node.kind === "peaks") {
        const threshold = Number(node.params.threshold ?? 0);
        const found = latticeAt(y, x).filter(([, , order]) => Math.exp(-order / 2) > threshold * 0.6);
        // The faintest is no such spot as was looked for.
        const misfit = (at: number): number => (at + 1 < found.length ? 1 : 9);
        // Errors, score and spread; the second knows no spread.
        const rest = (at: number): number[] => [0.013, 0.2, 40 - at, at === 1 ? Number.NaN : 0.0312];
        buffers.push(Float32Array.from(found.flatMap(([ky, kx], at) => [ky, kx, misfit(at), ...rest(at)])));
        part.peak_count = found.length;
      }
    }
    this.#model.deliver(
      {
        type: "frame",
        view: request.view,
        generation: request.generation,
        node: node.id,
        revision: node.revision,
        index: request.index,
        component: request.component,
        ...size,
        full_width: size.width,
        full_height: size.height,
        part: { x0: 0, y0: 0, ...size },
        block: 1,
        encoding: "raw",
        times_ms: { queue: 0, compute: this.delayMs, encode: 0 },
        draft: request.draft !== undefined,
        exact: true,
        filled: this.filled || undefined,
        planes: 1,
        ...statistics(buffers[0] as unknown as ArrayLike<number>),
        ...part,
      },
      buffers.map(view),
    );
  }

  /** Tells how much memory is used. */
  memory(): void {
    const used_bytes = Math.min(1.3 * 2 ** 30, this.budget);
    this.#model.deliver({
      type: "memory",
      used_bytes,
      pinned_bytes: 0.2 * used_bytes,
      budget_bytes: this.budget,
    });
  }

  #save(request_id: number, id: number, path: string): void {
    const error = this.refuseNext;
    this.refuseNext = null;
    if (error) {
      this.#model.deliver({ type: "refused", request_id, error });
      return;
    }
    this.#model.deliver({ type: "done", request_id, node: null });
    const total = SCAN.ny * SCAN.nx;
    const progress = {
      node: id,
      state: "running" as const,
      done: Math.round(total * 0.63),
      total,
      label: `saving ${path}`,
      message: "",
      rate: 1240,
      seconds_left: 72,
      can_resume: false,
    };
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node) {
      node.progress = progress;
    }
    this.progressed(progress);
  }

  #navigator({ view: viewId, generation, node, index }: NavigatorRequest): void {
    if (this.failNavigators) {
      this.#model.deliver({ type: "failed", view: viewId, generation, error: this.failNavigators });
      return;
    }
    const outer = index.slice(0, -2);
    const pixels = new Float32Array(SCAN.ny * SCAN.nx);
    pixels.forEach((_, i) => {
      const [y, x] = [Math.floor(i / SCAN.nx), i % SCAN.nx];
      pixels[i] =
        42 +
        1000 * (outer.at(-1) ?? 0) +
        20 * (strainAt(y, x)[3] > 0 ? 1 : 0) +
        300 * strainAt(y, x)[0] +
        noise(i) * 4;
    });
    this.#model.deliver(
      {
        type: "navigator",
        view: viewId,
        generation,
        node,
        outer,
        width: SCAN.nx,
        height: SCAN.ny,
        full_width: SCAN.nx,
        full_height: SCAN.ny,
        part: { x0: 0, y0: 0, width: SCAN.nx, height: SCAN.ny },
        block: 1,
        stride: 1,
        complete: 1,
        value_units: "counts",
        ...statistics(pixels),
      },
      [view(pixels)],
    );
  }

  #setParams(request_id: number, id: number, params: Record<string, unknown>): void {
    const error = this.refuseNext;
    this.refuseNext = null;
    if (error) {
      this.#model.deliver({ type: "refused", request_id, error });
      return;
    }
    const changed = this.nodes.find((node) => node.id === id);
    if (changed) {
      this.#past.set(id, [...(this.#past.get(id) ?? []), changed.params]);
      this.#future.delete(id);
    }
    this.#give(id, params);
    this.#model.deliver({ type: "done", request_id, node: null });
    this.changed();
  }

  #travel(request_id: number, id: number, way: "undo" | "redo"): void {
    const node = this.nodes.find((candidate) => candidate.id === id);
    const [from, to] = way === "undo" ? [this.#past, this.#future] : [this.#future, this.#past];
    const params = from.get(id)?.at(-1);
    if (node && params) {
      from.set(id, from.get(id)?.slice(0, -1) ?? []);
      to.set(id, [...(to.get(id) ?? []), node.params]);
      this.#give(id, params);
    }
    this.#model.deliver({ type: "done", request_id, node: null });
    this.changed();
  }

  #branch(request_id: number, of: number): void {
    const from = this.nodes.find((node) => node.id === of);
    if (from) {
      const id = this.#nextNode++;
      const name = `${from.name}_2`;
      const code = from.code.replace(`let ${from.name} `, `let ${name} `);
      this.nodes.push({ ...structuredClone(from), id, name, code, can_undo: false, can_redo: false });
      this.changed();
      this.#model.deliver({ type: "done", request_id, node: id });
    }
  }

  /** Parameters of a node, and new revisions of all that is computed from it. */
  #give(id: number, params: Record<string, unknown>): void {
    const below = new Set([id]);
    for (const node of this.nodes) {
      if (node.parents.some((parent) => below.has(parent))) {
        below.add(node.id);
      }
      if (below.has(node.id)) {
        node.revision += 1;
        node.progress = null;
        this.#complete.delete(node.id);
      }
      if (node.id === id) {
        node.params = params;
        node.can_undo = (this.#past.get(id) ?? []).length > 0;
        node.can_redo = (this.#future.get(id) ?? []).length > 0;
      }
    }
  }

  /** What stands in the tree, as the kernel says it. */
  #entitle(node: NodeDescription): void {
    const operation = OPERATIONS.find(({ name }) => name === node.operation);
    const names = node.parents.slice(1).map((parent) => this.nodes.find(({ id }) => id === parent)?.name);
    const joined = operation?.further_inputs?.[0]?.required ? " " : " with ";
    node.title = [operation?.title, ...names].join(joined);
  }

  #add(request_id: number, parents: number[], operation: string): void {
    const above = this.nodes.find(({ id }) => id === parents[0]);
    const description = OPERATIONS.find(({ name }) => name === operation);
    if (!above || !description) {
      return;
    }
    const id = this.#nextNode++;
    const name = `${description.method}_${id}`;
    this.nodes.push({
      ...structuredClone(above),
      id,
      name,
      title: description.title,
      operation,
      parents,
      revision: 1,
      params: Object.fromEntries(
        description.parameters.map((parameter) => [parameter.name, parameter.default]),
      ),
      code: `let ${name} = ${above.name}.${description.method}(${description.parameters_type}::default())?;`,
    });
    for (const node of this.nodes.filter((other) => other.id === id)) {
      this.#entitle(node);
    }
    this.changed();
    this.#model.deliver({ type: "done", request_id, node: id });
  }

  #remove(request_id: number, id: number): void {
    const child = this.nodes.find(({ parents }) => parents.includes(id));
    if (child) {
      const error = {
        code: "has_children",
        message: `${child.name} is computed from this node`,
        hint: `Remove ${child.name} first.`,
        node: id,
        index: null,
      };
      this.#model.deliver({ type: "refused", request_id, error });
      return;
    }
    this.nodes = this.nodes.filter((node) => node.id !== id);
    this.#model.deliver({ type: "done", request_id, node: null });
    this.changed();
  }

  #compute(id: number): void {
    const tick = (): void => {
      const node = this.nodes.find((candidate) => candidate.id === id);
      if (!node || node.progress?.state === "cancelled") {
        return;
      }
      const complete = Math.min(1, (this.#complete.get(id) ?? 0) + this.mapStep);
      this.#complete.set(id, complete);
      this.#progress(id, complete < 1 ? "running" : "done");
      if (complete < 1) {
        setTimeout(tick, 60);
      }
    };
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node) {
      node.progress = null;
    }
    tick();
  }

  #progress(id: number, state: "running" | "done" | "cancelled"): void {
    const total = SCAN.ny * SCAN.nx;
    const done = Math.round((this.#complete.get(id) ?? 0) * total);
    const progress = { node: id, state, done, total, label: "strain map", message: "", can_resume: false };
    const node = this.nodes.find((candidate) => candidate.id === id);
    if (node) {
      node.progress = progress;
    }
    this.progressed(progress);
  }
}
