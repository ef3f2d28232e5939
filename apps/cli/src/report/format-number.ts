/** What stands where a figure could not be measured. */
export const NOT_MEASURED = 'n/a';

/** A fraction with three decimals: `0.946`. */
export function decimal(value: number | null, digits = 3): string {
  return value === null ? NOT_MEASURED : value.toFixed(digits);
}

/** A fraction as per cent: `94.6%`. */
export function percent(value: number | null, digits = 1): string {
  return value === null ? NOT_MEASURED : `${(100 * value).toFixed(digits)}%`;
}

/** A difference of fractions in percentage points, with its sign: `+4.8`. */
export function points(value: number | null, digits = 1): string {
  if (value === null) return NOT_MEASURED;
  const text = (100 * value).toFixed(digits);
  return value >= 0 ? `+${text}` : text.replace('-', '−');
}

/** An interval of differences in percentage points: `[+3.2, +6.5]`. */
export function pointsInterval(interval: readonly [number, number] | null): string {
  return interval === null ? NOT_MEASURED : `[${points(interval[0])}, ${points(interval[1])}]`;
}

/** An interval of fractions: `[0.93, 0.95]`. */
export function decimalInterval(interval: readonly [number, number] | null, digits = 3): string {
  return interval === null ? NOT_MEASURED : `[${interval[0].toFixed(digits)}, ${interval[1].toFixed(digits)}]`;
}

/** A count with thin grouping: `460 800`. */
export function grouped(value: number | null): string {
  if (value === null) return NOT_MEASURED;
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A duration: `42 s`, `3 min 12 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const rest = whole % 60;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}
