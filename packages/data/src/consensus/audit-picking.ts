import { AUDIT_SCHEMA, type Audit, type Trace } from '@vlprm/core/records';
import { createRandom, seedFrom, VlprmError } from '@vlprm/core/runtime';
import { evidencePatterns, patternName } from './evidence-pattern.ts';

export interface AuditPick {
  /** Traces to pick, at least one per stratum; all of them when there are no more. */
  readonly n: number;
  /** Seed in [0, 2^53); the same traces in any order and the same seed give the same picks. */
  readonly seed: number;
}

function strataOf(traces: readonly Trace[]): Map<string, string[]> {
  const strata = new Map<string, string[]>();
  evidencePatterns(traces).forEach((pattern, i) => {
    const name = `${patternName(pattern)}/answer-${pattern.outcome}`;
    const members = strata.get(name) ?? [];
    members.push((traces[i] as Trace).id);
    strata.set(name, members);
  });
  return new Map([...strata].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Picks per stratum: one each, the rest by the square root of the sizes (each next pick goes where sqrt(size) / picks is
 * highest). Between equal shares, which find what is rare, and proportional ones, which estimate totals best.
 */
function allocate(sizes: readonly number[], n: number): number[] {
  const picks = sizes.map(() => 1);
  for (let left = n - sizes.length; left > 0; left--) {
    const priority = sizes.map((size, i) => ((picks[i] as number) < size ? Math.sqrt(size) / (picks[i] as number) : 0));
    (picks[priority.indexOf(Math.max(...priority))] as number) += 1;
  }
  return picks;
}

/**
 * Picks traces to audit: a stratified random sample. A stratum is how judges and rollouts stand to each other together
 * with the outcome of the answer, so that disagreements, which are rare and tell most, are sure to be looked at. Within a
 * stratum every trace is as likely, and its `weight` is stratum size / picks: weighted sums over the picks estimate sums
 * over all traces without bias (Horvitz and Thompson 1952, https://doi.org/10.1080/01621459.1952.10483446).
 * The order is random, so that it does not tell the stratum.
 * @throws ERR_RANGE when `n` is not an integer in [1, ∞) or below the number of strata; ERR_DATASET_INVALID for an id that
 *   two traces have
 */
export function pickAudits(traces: readonly Trace[], { n, seed }: AuditPick): Audit[] {
  if (new Set(traces.map(({ id }) => id)).size !== traces.length) {
    throw new VlprmError('ERR_DATASET_INVALID', 'two traces have the same id', { fix: 'remove the duplicates' });
  }
  const strata = strataOf(traces);
  const total = Math.min(n, traces.length);
  if (!Number.isSafeInteger(n) || total < Math.max(1, strata.size)) {
    throw new VlprmError('ERR_RANGE', `${n} traces to audit from ${traces.length} in ${strata.size} strata`, {
      where: 'n',
      fix: `pick at least ${Math.max(1, strata.size)}, so that every stratum has one`,
    });
  }
  const picks = allocate(
    [...strata.values()].map(({ length }) => length),
    total,
  );
  const audits = [...strata].flatMap(([stratum, ids], i): Audit[] => {
    const count = picks[i] as number;
    const drawn = createRandom(seedFrom('audit', seed, stratum))
      .shuffle([...ids].sort())
      .slice(0, count);
    const weight = ids.length / count;
    return drawn.map((traceId) => ({ schema: AUDIT_SCHEMA, traceId, stratum, weight, finding: null }));
  });
  return createRandom(seedFrom('audit-order', seed)).shuffle(audits);
}
