/** A small tree as the kernel describes it: scan, flat, peaks, strain, and a spectrum image. */

import type {
  AxisDescription,
  ComponentDescription,
  DisplayDescription,
  NodeDescription,
  OperationDescription,
  ParameterControl,
  ParameterDescription,
} from "../src/protocol/generated";

export const SCAN = { ny: 40, nx: 56 };
const PERCENT = { factor: 100, units: "%" };
const DEGREES = { factor: 180 / Math.PI, units: "°" };
export const DETECTOR = { ny: 112, nx: 128 };

function axis(name: string, size: number, scale: number, offset: number, units: string): AxisDescription {
  return { name, size, scale, offset, units };
}

const NAVIGATION = [axis("y", SCAN.ny, 2, 0, "nm"), axis("x", SCAN.nx, 2, 0, "nm")];
const SIGNAL = [axis("ky", DETECTOR.ny, 0.05, -2.8, "1/nm"), axis("kx", DETECTOR.nx, 0.05, -3.2, "1/nm")];

function parameter(
  name: string,
  control: ParameterControl,
  value: unknown,
  rest: Partial<ParameterDescription> = {},
): ParameterDescription {
  return {
    name,
    control,
    optional: false,
    default: value,
    minimum: null,
    maximum: null,
    units: "",
    help: "",
    ...rest,
  };
}

function length(name: string, value: number): ParameterDescription {
  return parameter(name, { type: "number" }, value, { minimum: 0, maximum: 100000, units: "px" });
}

const CENTRE = parameter("centre", { type: "signal_point" }, null, {
  optional: true,
  units: "px",
  help: "Centre (row, column). Left out: the middle of the frame.",
});

function detector(
  name: string,
  parameters_type: string,
  title: string,
  rest: Pick<OperationDescription, "outline" | "parameters">,
): OperationDescription {
  return {
    name,
    method: "virtual_image",
    parameters_type,
    title,
    summary: "Image of the scan from the counts inside.",
    category: "Virtual detectors",
    reference: "",
    ...rest,
  };
}

export const OPERATIONS: OperationDescription[] = [
  {
    name: "radial_median",
    method: "subtract_background",
    parameters_type: "RadialMedian",
    title: "Radial median",
    summary: "Subtracts the median of each ring around the direct beam.",
    category: "background",
    reference: "",
    parameters: [
      parameter("center", { type: "signal_point" }, null, {
        optional: true,
        units: "px",
        help: "Middle of the rings; found from the direct beam when left out.",
      }),
      parameter("clip", { type: "toggle" }, true, { help: "Sets what is below the background to zero." }),
    ],
  },
  {
    name: "difference_of_gaussians",
    method: "subtract_background",
    parameters_type: "DifferenceOfGaussians",
    title: "Difference of Gaussians",
    summary: "Keeps what is smaller than the wide and larger than the narrow Gaussian.",
    category: "background",
    reference: "",
    parameters: [
      parameter("sigma_narrow", { type: "number" }, 1.5, { minimum: 0.3, maximum: 10, units: "px" }),
      parameter("sigma_wide", { type: "number" }, 6, { minimum: 0.5, maximum: 50, units: "px" }),
    ],
  },
  {
    name: "normalized_correlation",
    method: "find_peaks",
    parameters_type: "NormalizedCorrelation",
    title: "Find disks by correlation",
    summary: "Correlates each pattern with a disk and keeps the maxima.",
    category: "peaks",
    reference: "10.1017/S1431927621000477",
    further_inputs: [{ name: "vacuum", help: "A scan without specimen.", required: false }],
    outline: { type: "disk", centre: "direct_beam", radius: "radius" },
    parameters: [
      parameter("radius", { type: "number" }, null, {
        optional: true,
        minimum: 1,
        maximum: 64,
        units: "px",
        help: "Radius of the disks. Left out: measured.",
      }),
      parameter("direct_beam", { type: "signal_point" }, null, { optional: true, units: "px" }),
      parameter("vacuum", { type: "navigation_region" }, null, { optional: true }),
      parameter("threshold", { type: "number" }, 0.35, {
        minimum: 0,
        maximum: 1,
        help: "Least correlation of a peak.",
      }),
      parameter("min_distance", { type: "integer" }, 6, {
        minimum: 1,
        maximum: 100,
        units: "px",
        help: "Least distance between peaks.",
      }),
      parameter("max_peaks", { type: "integer" }, null, { optional: true, minimum: 1, maximum: 100000 }),
      parameter("subpixel", { type: "choice", choices: ["parabola", "center_of_mass", "none"] }, "parabola"),
    ],
  },
  {
    name: "subtract",
    method: "subtract",
    parameters_type: "Subtract",
    title: "Subtract",
    summary: "Subtracts another signal.",
    category: "arithmetic",
    reference: "",
    parameters: [],
    further_inputs: [{ name: "other", help: "What is subtracted.", required: true }],
  },
  {
    name: "strain_map",
    method: "strain_map",
    parameters_type: "StrainMap",
    title: "Strain map",
    summary: "Fits a lattice to the peaks and compares it with a reference region.",
    category: "crystallography",
    reference: "",
    parameters: [
      parameter(
        "reference",
        { type: "navigation_region" },
        { x0: 0, y0: 0, width: 16, height: 16 },
        { help: "Scan positions taken as unstrained." },
      ),
      parameter("label", { type: "text" }, ""),
    ],
  },
  detector("virtual_disk", "Disk", "Virtual disk", {
    outline: { type: "disk", centre: "centre", radius: "radius" },
    parameters: [CENTRE, length("radius", 8)],
  }),
  detector("virtual_annulus", "Annulus", "Virtual annulus", {
    outline: {
      type: "annulus",
      centre: "centre",
      inner_radius: "inner_radius",
      outer_radius: "outer_radius",
    },
    parameters: [CENTRE, length("inner_radius", 12), length("outer_radius", 32)],
  }),
  detector("virtual_rectangle", "Rectangle", "Virtual rectangle", {
    outline: { type: "rectangle", corner: "corner", height: "height", width: "width" },
    parameters: [{ ...CENTRE, name: "corner" }, length("height", 16), length("width", 16)],
  }),
  detector("virtual_polygon", "Polygon", "Virtual polygon", {
    outline: { type: "polygon", vertices: "vertices" },
    parameters: [parameter("vertices", { type: "signal_polygon" }, null, { optional: true, units: "px" })],
  }),
  {
    ...detector("energy_window", "EnergyWindow", "Energy window", {
      outline: { type: "band", range: "range" },
      parameters: [
        parameter("range", { type: "signal_range" }, null, {
          optional: true,
          help: "From where to where on the signal axis. Left out: the middle half of the axis.",
        }),
      ],
    }),
    method: "energy_window",
  },
  {
    name: "azimuthal_integral",
    method: "azimuthal_integral",
    parameters_type: "AzimuthalIntegral",
    title: "Azimuthal integral",
    summary: "Averages each pattern over rings.",
    category: "Radial",
    reference: "",
    outline: { type: "point", at: "centre" },
    parameters: [
      CENTRE,
      parameter("sector", { type: "pair", parts: ["from", "to"], whole: false }, null, {
        optional: true,
        minimum: -360,
        maximum: 360,
        units: "°",
      }),
    ],
  },
  {
    name: "mask_pixels",
    method: "mask_pixels",
    parameters_type: "MaskPixels",
    title: "Mask pixels",
    summary: "Takes the value from pixels that a file marks.",
    category: "Detector corrections",
    reference: "",
    parameters: [parameter("file", { type: "file", endings: ["npy"] }, null, { optional: true })],
  },
];

function node(id: number, name: string, rest: Partial<NodeDescription>): NodeDescription {
  return {
    id,
    name,
    title: "",
    operation: null,
    parents: [],
    source: 1,
    scan: 1,
    kind: "frame",
    navigation_axes: NAVIGATION,
    signal_axes: SIGNAL,
    element: "f32",
    value_units: "counts",
    components: [],
    composites: [],
    params: {},
    code: "",
    revision: 1,
    summary: "(40, 56 | 112, 128) f32",
    progress: null,
    can_undo: false,
    can_redo: false,
    ...rest,
  };
}

export function strainTree(): NodeDescription[] {
  return [
    node(1, "scan", {
      title: "Strained grain",
      element: "u16",
      code: 'let scan = open("strained_grain.zspy")?;',
      summary: "(40, 56 | 112, 128) u16",
    }),
    node(2, "flat", {
      title: "Radial median",
      operation: "radial_median",
      parents: [1],
      params: { center: null, clip: true },
      code: "let flat = scan.subtract_background(RadialMedian::default())?;",
    }),
    node(3, "peaks", {
      title: "Find disks by correlation",
      operation: "normalized_correlation",
      parents: [2],
      kind: "peaks",
      params: {
        radius: 4,
        direct_beam: null,
        threshold: 0.35,
        min_distance: 6,
        max_peaks: null,
        subpixel: "parabola",
      },
      code: "let peaks = flat.find_peaks(NormalizedCorrelation { radius: Some(4.0), ..default() })?;",
      measured: "radius 4.02 ± 0.01 px, threshold 4.6 σ",
    }),
    node(4, "strain", {
      title: "Strain map",
      operation: "strain_map",
      parents: [3],
      kind: "map",
      signal_axes: [],
      value_units: "",
      params: { reference: { x0: 0, y0: 0, width: 16, height: 16 }, label: "" },
      components: [
        { name: "e_xx", title: "ε_xx", units: "", display: { type: "diverging" }, shown: PERCENT },
        { name: "e_yy", title: "ε_yy", units: "", display: { type: "diverging" }, shown: PERCENT },
        { name: "e_xy", title: "ε_xy", units: "", display: { type: "diverging" }, shown: PERCENT },
        { name: "theta", title: "θ", units: "rad", display: { type: "diverging" }, shown: DEGREES },
        { name: "coverage", title: "Coverage", units: "", display: { type: "sequential" }, shown: PERCENT },
        { name: "residual", title: "Residual", units: "px", display: { type: "sequential" } },
      ],
      code: "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), ..default() })?;",
      summary: "(40, 56) f32 × 6",
    }),
  ];
}

/** The same with disks whose radius and direct beam are measured. */
export function measuredTree(): NodeDescription[] {
  return strainTree().map((node) =>
    node.name === "peaks"
      ? {
          ...node,
          params: { ...node.params, radius: null },
          measured_parameters: { radius: 4.021, direct_beam: [56.2, 64.1] },
        }
      : node,
  );
}

/** A scan with the image of a virtual detector. */
export function detectorTree(operation = "virtual_disk"): NodeDescription[] {
  const description = OPERATIONS.find(({ name }) => name === operation);
  const params = Object.fromEntries((description?.parameters ?? []).map((part) => [part.name, part.default]));
  return [
    ...strainTree().slice(0, 1),
    node(5, "bright", {
      title: description?.title ?? "",
      operation,
      parents: [1],
      kind: "map",
      signal_axes: [],
      params,
      components: [
        { name: "intensity", title: "Virtual image", units: "counts", display: { type: "sequential" } },
      ],
      code: `let bright = scan.virtual_image(${description?.parameters_type}::default())?;`,
      summary: "(40, 56) f32",
    }),
  ];
}

/** A map of vectors with their composite, an angle, names, and three images in one. */
export function deflectionTree(): NodeDescription[] {
  const diverging = { type: "diverging" } as const;
  return [
    ...strainTree().slice(0, 1),
    node(6, "shift", {
      title: "Centre of mass",
      operation: "center_of_mass",
      parents: [1],
      kind: "map",
      signal_axes: [],
      value_units: "px",
      components: [
        { name: "dy", title: "Δy", units: "px", display: diverging },
        { name: "dx", title: "Δx", units: "px", display: diverging },
        { name: "phase", title: "Phase", units: "°", display: { type: "cyclic", period: 360 } },
        {
          name: "grain",
          title: "Grain",
          units: "",
          display: { type: "categorical", names: ["matrix", "twin", "void"] },
        },
      ],
      composites: [
        { name: "deflection", title: "Deflection", colouring: "wheel", components: [0, 1] },
        { name: "mixed", title: "Mixed", colouring: "rgb", components: [0, 1, 2] },
      ],
      code: "let shift = scan.center_of_mass(CenterOfMass::default())?;",
      summary: "(40, 56) map of Δy, Δx, Phase, Grain",
    }),
  ];
}

/** A series of images of colours with opacity. */
export function colourTree(): NodeDescription[] {
  return [
    node(1, "photos", {
      element: "rgba8",
      value_units: "",
      composites: [{ name: "colours", title: "Colours", colouring: "colours", components: [] }],
      code: 'let photos = open("photos.zspy")?;',
      summary: "(40, 56 | 112, 128) rgba8",
    }),
  ];
}

/** Its numbers: red, green, blue, alpha of a pixel. */
export function colourAt(pixel: number, channel: number): number {
  return channel === 3 && pixel > 100 ? 255 : (pixel * 7 + channel * 50) % 256;
}

/** Its values at a scan position. */
export function deflectionAt(y: number, x: number): [number, number, number, number] {
  if (y === 5 && x === 9) {
    return [Number.NaN, 1, Number.NaN, Number.NaN];
  }
  return [(y - 20) / 10, (x - 28) / 14, (y * 56 + x) % 400, (y + x) % 3];
}

/** A scan at three tilts and four times, with a strain map. */
export function tiltTree(): NodeDescription[] {
  const outer = [axis("tilt", 3, 5, -5, "deg"), axis("time", 4, 1, 0, "")];
  return strainTree().map((node) => ({ ...node, navigation_axes: [...outer, ...NAVIGATION] }));
}

/** A scan with the components of a model of it: one frame for each. */
export function loadingsTree(): NodeDescription[] {
  const [scan] = strainTree();
  const components = axis("component", 5, 1, 0, "");
  return [
    ...(scan ? [scan] : []),
    node(61, "model", { operation: "svd", parents: [1], navigation_axes: [], signal_axes: [components] }),
    node(62, "loadings", {
      operation: "loadings",
      parents: [61],
      scan: 62,
      navigation_axes: [components],
    }),
  ];
}

/** A scan of complex numbers. */
export function complexTree(): NodeDescription[] {
  const shown = (name: string, units: string, display: DisplayDescription): ComponentDescription => ({
    name,
    title: name,
    units,
    display,
  });
  return [
    node(71, "waves", {
      source: 71,
      scan: 71,
      element: "c64",
      value_units: "",
      components: [
        shown("amplitude", "", { type: "sequential" }),
        shown("phase", "rad", { type: "cyclic", period: 2 * Math.PI }),
        shown("real", "", { type: "diverging" }),
        shown("imaginary", "", { type: "diverging" }),
      ],
    }),
  ];
}

/** A scan with a stack of images at each position. */
export function stackTree(): NodeDescription[] {
  const depth = axis("depth", 9, 5, 10, "nm");
  return [node(81, "stacks", { source: 81, scan: 81, element: "u16", signal_axes: [depth, ...SIGNAL] })];
}

/** Complex numbers in a stack of images, which have names, at each position. */
export function complexStackTree(): NodeDescription[] {
  const [waves] = complexTree();
  const names = ["before", "in focus", "behind"];
  const focus = { ...axis("focus", names.length, 1, 0, ""), names };
  return waves ? [{ ...waves, signal_axes: [focus, ...SIGNAL] }] : [];
}

/** A strain map that was saved and opened again: its file has no frames. */
export function savedTree(outer = false): NodeDescription[] {
  const [map] = (outer ? tiltTree() : strainTree()).slice(-1);
  return map
    ? [{ ...map, title: "Strain map of grain", operation: null, parents: [], source: map.id, scan: map.id }]
    : [];
}

/** The same over a scan of so many rows and columns. */
export function lineTree(...sizes: number[]): NodeDescription[] {
  const axes = NAVIGATION.slice(-sizes.length).map((axis, i) => ({ ...axis, size: sizes[i] ?? 1 }));
  return savedTree().map((node) => ({ ...node, navigation_axes: axes }));
}

/** A single picture, and one of a scan with a single position. */
export function singleTree(positions: 0 | 1 = 0): NodeDescription[] {
  const navigation_axes = positions === 0 ? [] : [axis("y", 1, 2, 0, "nm"), axis("x", 1, 2, 0, "nm")];
  return [node(1, "image", { title: "One image", element: "u16", code: "", navigation_axes })];
}

/** The axis of the spectra. */
export const ENERGY = axis("energy", 1024, 0.5, 200, "eV");

/** A spectrum image: one signal axis. */
export function spectrumTree(): NodeDescription[] {
  return [
    node(11, "spectra", {
      title: "EELS",
      source: 11,
      scan: 11,
      element: "u16",
      code: 'let spectra = open("eels.zspy")?;',
      summary: "(40, 56 | 1024) u16",
      signal_axes: [ENERGY],
    }),
  ];
}

/** Spectra with the image of an energy window, on an axis that rises or another one. */
/** A scan with a radial profile and a mask below it. */
export function kindsTree(): NodeDescription[] {
  const radius = axis("radius", 56, 0.05, 0.025, "1/nm");
  return [
    ...strainTree().slice(0, 1),
    node(5, "profile", {
      title: "Azimuthal integral",
      operation: "azimuthal_integral",
      parents: [1],
      signal_axes: [radius],
      params: { centre: null, sector: null },
      measured_parameters: { centre: [50, 60] },
    }),
    node(6, "masked", {
      title: "Mask pixels",
      operation: "mask_pixels",
      parents: [1],
      params: { file: { written: "masks/dead.npy", path: "/scans/masks/dead.npy", sha256: "0a1b" } },
    }),
  ];
}

export function windowTree(along: AxisDescription = ENERGY): NodeDescription[] {
  return [
    ...spectrumTree().map((spectra) => ({ ...spectra, signal_axes: [along] })),
    node(12, "oxygen", {
      title: "Energy window",
      operation: "energy_window",
      parents: [11],
      source: 11,
      scan: 11,
      kind: "map",
      signal_axes: [],
      params: { range: null },
      components: [
        { name: "intensity", title: "Energy window", units: "counts", display: { type: "sequential" } },
      ],
      code: "let oxygen = spectra.energy_window(EnergyWindow::default())?;",
      summary: "(40, 56) map of Energy window",
    }),
  ];
}
