import type { QuotaReport, QuotaState } from '../../../runtime/flow/index.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `6m0s`, `20ms`, `1.5s` or plain seconds; null for anything else. */
export function parseDuration(text: string | null): number | null {
  if (text === null) return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) return null;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!,
    0,
  );
}

const readCount = (text: string | null): number | null => (text !== null && /^\d+$/.test(text) ? Number(text) : null);

function readState(headers: Headers, what: 'requests' | 'tokens', perMinute: boolean): QuotaState | null {
  const limit = perMinute ? readCount(headers.get(`x-ratelimit-limit-${what}`)) : null;
  const remaining = readCount(headers.get(`x-ratelimit-remaining-${what}`));
  const resetMs = parseDuration(headers.get(`x-ratelimit-reset-${what}`));
  if (limit === null && remaining === null) return null;
  return {
    ...(limit === null ? {} : { limit }),
    ...(remaining === null ? {} : { remaining }),
    ...(resetMs === null ? {} : { resetMs }),
  };
}

/**
 * Limits and what is left of them, from the `x-ratelimit-*` headers of OpenAI, Azure and those who follow them:
 * https://platform.openai.com/docs/guides/rate-limits. Null when the response says nothing.
 * @param perMinute whether the limits count by the minute; left out otherwise
 */
export function readQuota(headers: Headers, perMinute: boolean): QuotaReport | null {
  const requests = readState(headers, 'requests', perMinute);
  const tokens = readState(headers, 'tokens', perMinute);
  if (!requests && !tokens) return null;
  return { ...(requests && { requests }), ...(tokens && { tokens }) };
}

/**
 * How long the service asks to wait: `retry-after-ms`, `retry-after` in seconds or as an HTTP date, else the time until
 * an exhausted limit is whole again. Null when it does not say.
 */
export function readRetryAfter(headers: Headers, now: number): number | null {
  const milliseconds = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return milliseconds;
  const given = headers.get('retry-after');
  if (given !== null) {
    const wait = /^\s*\d+(\.\d+)?\s*$/.test(given) ? Number(given) * 1000 : Date.parse(given) - now;
    if (!Number.isNaN(wait)) return Math.max(0, wait);
  }
  const quota = readQuota(headers, false);
  const exhausted = [quota?.requests, quota?.tokens].filter((state) => state?.remaining === 0);
  const resets = exhausted.flatMap((state) => state?.resetMs ?? []);
  return resets.length > 0 ? Math.max(...resets) : null;
}
