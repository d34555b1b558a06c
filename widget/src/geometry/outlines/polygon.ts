/** Polygons: a vertex is dragged, an edge becomes two with a vertex where it is taken, the inside moves the whole. */

import { calibratedArea } from "../axes";
import { clamp, type Point, type Size } from "../fit";
import {
  type Grip,
  isPair,
  middleOfFrame,
  type OutlineOf,
  type Pair,
  RESIZE_KEYS,
  rounded,
  type Shape,
  short,
  tidy,
} from "./shape";

export interface Polygon {
  type: "polygon";
  vertices: readonly Pair[];
  frame: Size;
}

/** With fewer there is no inside. */
const FEWEST = 3;

/** Where the kernel puts one that is left out. */
export function diamond(frame: Size): Pair[] {
  const [row, column] = middleOfFrame(frame);
  const [down, right] = [Math.floor(frame.height / 4), Math.floor(frame.width / 4)];
  return [
    [row - down, column],
    [row, column + right],
    [row + down, column],
    [row, column - right],
  ];
}

export function isVertices(value: unknown): value is Pair[] {
  return Array.isArray(value) && value.length >= FEWEST && value.every(isPair);
}

/** The vertices with one more, in the middle of the longest edge. */
export function withVertex(vertices: readonly Pair[]): Pair[] {
  const lengths = vertices.map(([row, column], i) => {
    const [nextRow, nextColumn] = after(vertices, i);
    return Math.hypot(nextRow - row, nextColumn - column);
  });
  const longest = lengths.indexOf(Math.max(...lengths));
  const [row, column] = vertices[longest] ?? [0, 0];
  const [nextRow, nextColumn] = after(vertices, longest);
  return vertices.toSpliced(longest + 1, 0, [(row + nextRow) / 2, (column + nextColumn) / 2]);
}

/** The vertices without one of them; `null` where too few would be left. */
export function withoutVertex(vertices: readonly Pair[], which: number): Pair[] | null {
  return vertices.length > FEWEST && which in vertices ? vertices.toSpliced(which, 1) : null;
}

function after(vertices: readonly Pair[], which: number): Pair {
  return vertices[(which + 1) % vertices.length] ?? [0, 0];
}

/** In continuous pixels. */
function pointOf([row, column]: Pair): Point {
  return { x: column + 0.5, y: row + 0.5 };
}

/** The vertex, or the point of the frame's border that is nearest to one outside. */
function inFrame([row, column]: Pair, { width, height }: Size): Pair {
  return [clamp(row, -0.5, height - 0.5), clamp(column, -0.5, width - 0.5)];
}

/** Where a vertex is taken hold of: what lies outside the frame cannot be seen. */
function handlesOf({ vertices, frame }: Polygon): Point[] {
  return vertices.map((vertex) => pointOf(inFrame(vertex, frame)));
}

function isOutside(vertex: Pair, frame: Size): boolean {
  return inFrame(vertex, frame).some((at, i) => at !== vertex[i]);
}

/** Edges of the box around it, in rows and columns. */
function bounds({ vertices }: Polygon): { least: Pair; most: Pair } {
  const [rows, columns] = [vertices.map(([row]) => row), vertices.map(([, column]) => column)];
  return {
    least: [Math.min(...rows), Math.min(...columns)],
    most: [Math.max(...rows), Math.max(...columns)],
  };
}

function centreOf(detector: Polygon): Pair {
  const { least, most } = bounds(detector);
  return [(least[0] + most[0]) / 2, (least[1] + most[1]) / 2];
}

/** Even-odd, as in the kernel. */
function isInside({ vertices }: Polygon, { x, y }: Point): boolean {
  const [row, column] = [y - 0.5, x - 0.5];
  return vertices.reduce((inside, from, i) => {
    const to = after(vertices, i);
    const crosses =
      from[0] <= row !== to[0] <= row &&
      from[1] + ((row - from[0]) / (to[0] - from[0])) * (to[1] - from[1]) <= column;
    return crosses ? !inside : inside;
  }, false);
}

/** Distance of a point from an edge. */
function distanceFrom(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = clamp(((point.x - a.x) * dx + (point.y - a.y) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(point.x - a.x - along * dx, point.y - a.y - along * dy);
}

/** The nearest of some distances within reach. */
function nearest(distances: readonly number[], reach: number): number | null {
  const least = Math.min(...distances);
  return least <= reach ? distances.indexOf(least) : null;
}

function numberOf(grip: Grip, kind: "vertex" | "edge"): number | null {
  const [name, number] = grip.split(" ");
  return name === kind ? Number(number) : null;
}

/** A vertex by a drag of its handle, on the frame. */
function movedVertex(vertex: Pair, from: Point, to: Point, frame: Size, step: number): Pair {
  const [row, column] = inFrame(vertex, frame);
  return inFrame([rounded(row + to.y - from.y, step), rounded(column + to.x - from.x, step)], frame);
}

/** Square pixels inside, of an outline that does not cross itself. */
function areaOf({ vertices }: Polygon): number {
  const twice = vertices.reduce((sum, [row, column], i) => {
    const [nextRow, nextColumn] = after(vertices, i);
    return sum + column * nextRow - nextColumn * row;
  }, 0);
  return Math.abs(twice) / 2;
}

export const polygon: Shape<Polygon, OutlineOf<"polygon">> = {
  marked: false,
  keys: `${RESIZE_KEYS}. Delete removes the vertex under the pointer.`,
  of(outline, params, frame) {
    const value = params[outline.vertices];
    const vertices = isVertices(value) ? value : diamond(frame);
    return { type: "polygon", vertices, frame: { width: frame.width, height: frame.height } };
  },
  params: (outline, { vertices }) => ({ [outline.vertices]: vertices }),
  middle: (detector) => pointOf(centreOf(detector)),
  isSeen(detector, part) {
    const { least, most } = bounds(detector);
    const across = least[1] + 0.5 < part.left + part.width && most[1] + 0.5 > part.left;
    return across && least[0] + 0.5 < part.top + part.height && most[0] + 0.5 > part.top;
  },
  knobs(detector) {
    const { vertices, frame } = detector;
    const halves = vertices.flatMap((from, i) => {
      const to = after(vertices, i);
      const middle: Pair = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
      const grip: Grip = `edge ${i}`;
      return isOutside(middle, frame) ? [] : [{ grip, at: pointOf(middle), minor: true }];
    });
    return [...halves, ...handlesOf(detector).map((at, i) => ({ grip: `vertex ${i}` as Grip, at }))];
  },
  gripAt(detector, point, reach) {
    const points = detector.vertices.map(pointOf);
    const vertex = nearest(
      handlesOf(detector).map(({ x, y }) => Math.hypot(point.x - x, point.y - y)),
      reach,
    );
    if (vertex !== null) {
      return `vertex ${vertex}`;
    }
    const inside = isInside(detector, point);
    const edge = nearest(
      points.map((a, i) => distanceFrom(point, a, points[(i + 1) % points.length] ?? a)),
      // Most of the inside is for moving it.
      inside ? reach / 2 : reach,
    );
    return edge === null ? (inside ? "move" : null) : `edge ${edge}`;
  },
  direction: () => [0, 0],
  dragged(detector, grip, from, to, frame, step) {
    const { vertices } = detector;
    const vertex = numberOf(grip, "vertex");
    const taken = vertices[vertex ?? -1];
    if (vertex !== null && taken) {
      return { ...detector, vertices: vertices.with(vertex, movedVertex(taken, from, to, frame, step)) };
    }
    const edge = numberOf(grip, "edge");
    if (edge === null) {
      return detector;
    }
    const added = movedVertex([from.y - 0.5, from.x - 0.5], from, to, frame, step);
    return { ...detector, vertices: vertices.toSpliced(edge + 1, 0, added) };
  },
  moved(detector, rows, columns, frame, step) {
    const [row, column] = centreOf(detector);
    // All vertices by the same, so that the shape stays what it is.
    const way = (at: number, by: number, size: number): number =>
      rounded(clamp(at + by, 0, size - 1) - at, step);
    const [down, right] = [way(row, rows, frame.height), way(column, columns, frame.width)];
    const vertices = detector.vertices.map((at): Pair => [tidy(at[0] + down), tidy(at[1] + right)]);
    return { ...detector, vertices };
  },
  resized(detector, _grip, by, frame, step) {
    const [row, column] = centreOf(detector);
    const radius = Math.max(...detector.vertices.map((at) => Math.hypot(at[0] - row, at[1] - column)));
    const most = Math.hypot(frame.width, frame.height);
    const factor = clamp(radius + by, 1, Math.max(most, radius)) / (radius || 1);
    const vertices = detector.vertices.map(
      (at): Pair => [
        rounded(row + (at[0] - row) * factor, step),
        rounded(column + (at[1] - column) * factor, step),
      ],
    );
    return { ...detector, vertices };
  },
  without(detector, grip) {
    const vertex = numberOf(grip, "vertex");
    const vertices = vertex === null ? null : withoutVertex(detector.vertices, vertex);
    return vertices && { ...detector, vertices };
  },
  trace(path, { vertices }, place) {
    for (const [i, vertex] of vertices.entries()) {
      const { x, y } = pointOf(vertex);
      const at = place(x, y);
      if (i === 0) {
        path.moveTo(at.x, at.y);
      } else {
        path.lineTo(at.x, at.y);
      }
    }
    path.closePath();
  },
  text(detector, axes) {
    const area = areaOf(detector);
    const middle = centreOf(detector).map(short).join(", ");
    const outside = detector.vertices.filter((vertex) => isOutside(vertex, detector.frame)).length;
    const said = outside > 0 ? ` · ${outside} outside the frame, held at its border` : "";
    return `${middle} px · ${detector.vertices.length} vertices · ${short(area)} px²${calibratedArea(axes, area)}${said}`;
  },
};
