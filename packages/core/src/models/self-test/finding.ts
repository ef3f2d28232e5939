import { VlprmError } from '../../runtime/errors.ts';

/** One thing that was tested: `ok`, `missing` (it works without, less well) or `failed`, and what to do about it. */
export interface SelfTestFinding {
  /** What was tested: `prm sight`. */
  readonly name: string;
  readonly status: 'ok' | 'missing' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
}

/** `ok` when it holds; else what `otherwise` says. */
export function finding(
  name: string,
  holds: boolean,
  detail: string,
  otherwise: { readonly status?: 'missing' | 'failed'; readonly fix: string },
): SelfTestFinding {
  const { status = 'failed', fix } = otherwise;
  return holds ? { name, status: 'ok', detail, fix: null } : { name, status, detail, fix };
}

/** How long it took. */
export function latency(name: string, elapsedMs: number, solutions: number): SelfTestFinding {
  return { name, status: 'ok', detail: `${Math.round(elapsedMs)} ms for ${solutions} solutions`, fix: null };
}

/** A test that is left out, and why. */
export function leftOut(name: string, why: string): SelfTestFinding {
  return { name, status: 'missing', detail: why, fix: null };
}

/** A failed test that says what the error says. */
export function failedFinding(name: string, error: unknown): SelfTestFinding {
  if (VlprmError.is(error)) {
    const detail = error.where === null ? error.message : `${error.message}, ${error.where}`;
    return { name, status: 'failed', detail: `${error.code}: ${detail}`, fix: error.fix };
  }
  return { name, status: 'failed', detail: error instanceof Error ? error.message : String(error), fix: null };
}

/** Work and the milliseconds that it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; elapsedMs: number }> {
  const start = performance.now();
  const result = await work();
  return { result, elapsedMs: performance.now() - start };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
