/** Amounts of memory and durations for people. */

const STEPS: readonly (readonly [string, number])[] = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
];

/** `1.4 GiB`, `512 MiB`: three digits. */
export function bytesText(bytes: number): string {
  for (const [name, size] of STEPS) {
    // 1023.6 MiB would read as 1024.
    if (bytes >= size * 0.9995) {
      return `${Number((bytes / size).toPrecision(3))} ${name}`;
    }
  }
  return `${Math.round(bytes)} B`;
}

/** The bytes of a text like `4 GiB`, `1.5g` or `800 MB`; a bare number counts GiB. `null`: not an amount. */
export function parseBytes(text: string): number | null {
  const parts = /^\s*(\d+(?:[.,]\d+)?|[.,]\d+)\s*(?:([kmgt])(i?b)?|(b))?\s*$/.exec(text.toLowerCase());
  const [, digits = "", prefix, ending, bare] = parts ?? [];
  const power = bare ? 0 : "kmgt".indexOf(prefix ?? "g") + 1;
  const bytes = Math.round(Number(digits.replace(",", ".")) * (ending === "b" ? 1000 : 1024) ** power);
  return bytes > 0 ? bytes : null;
}

/** `8 s`, `2 min 10 s`, `1 h 5 min`. */
export function durationText(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    // Nobody needs the seconds of half an hour.
    const rest = whole < 600 ? whole % 60 : 0;
    return `${Math.floor(whole / 60)} min${rest > 0 ? ` ${rest} s` : ""}`;
  }
  const minutes = Math.round((whole % 3600) / 60);
  return `${Math.floor(whole / 3600)} h${minutes > 0 ? ` ${minutes} min` : ""}`;
}
