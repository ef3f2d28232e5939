import type { Usage } from '@vlprm/core/records';

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

function twoParts(amount: number, perLarge: number, large: string, small: string): string {
  const whole = Math.round(amount);
  const rest = whole % perLarge;
  const first = `${Math.floor(whole / perLarge)} ${large}`;
  return rest === 0 ? first : `${first} ${rest} ${small}`;
}

/** A duration: `42 s`, `3 min 12 s`, `5 h 20 min`, `3 days 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return twoParts(whole, 60, 'min', 's');
  return whole < 86_400 ? twoParts(whole / 60, 60, 'h', 'min') : twoParts(whole / 3600, 24, 'days', 'h');
}

/** A speed: `3.1/s`, `12/min`, `4.5/h`. */
export function pace(perSecond: number): string {
  const [amount, unit] =
    perSecond >= 1 ? [perSecond, 's'] : perSecond * 60 >= 1 ? [perSecond * 60, 'min'] : [perSecond * 3600, 'h'];
  return `${amount >= 10 ? grouped(amount) : amount.toFixed(1)}/${unit}`;
}

/** What was spent, as far as it is known: `120 calls, 34 500 tokens, 0.52 USD`. */
export function spentShort({ calls, promptTokens, completionTokens, usd }: Usage): string {
  const tokens = promptTokens === null || completionTokens === null ? null : promptTokens + completionTokens;
  const parts = [
    `${grouped(calls)} ${calls === 1 ? 'call' : 'calls'}`,
    tokens === null ? null : `${grouped(tokens)} tokens`,
    usd === null ? null : `${usd.toFixed(2)} USD`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}
