/** Maps a number of the data to a coordinate of the drawing. */
export type Scale = (value: number) => number;

/** Linear map of `domain` to `range`. */
export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const span = domain[1] - domain[0] || 1;
  return (value) => range[0] + ((value - domain[0]) / span) * (range[1] - range[0]);
}

/** Base-2 logarithmic map of `domain` (> 0) to `range`. */
export function log2Scale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const linear = linearScale([Math.log2(domain[0]), Math.log2(domain[1])], range);
  return (value) => linear(Math.log2(value));
}

/** Multiples of `step` from the first at or above `low` to the last at or below `high`. */
export function ticks(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toFixed(10)));
}

/**
 * Moves label positions apart so that neighbours are at least `gap` away and all stay within `bounds`.
 * The order of the labels is kept.
 */
export function spreadLabels(positions: readonly number[], gap: number, bounds: readonly [number, number]): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
  const placed = order.map((i) => positions[i] ?? 0);
  for (let i = 1; i < placed.length; i += 1) placed[i] = Math.max(placed[i] ?? 0, (placed[i - 1] ?? 0) + gap);
  let ceiling = bounds[1];
  for (let i = placed.length - 1; i >= 0; i -= 1) {
    placed[i] = Math.max(bounds[0], Math.min(placed[i] ?? 0, ceiling));
    ceiling = (placed[i] ?? 0) - gap;
  }
  const result = new Array<number>(positions.length).fill(0);
  order.forEach((original, rank) => (result[original] = placed[rank] ?? 0));
  return result;
}

/** A coordinate as it is written into the drawing. */
export function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
