import { VlprmError } from '@vlprm/core/runtime';
import type { Trace } from '@vlprm/core/records';
import { agreementRule } from './agreement-rule.ts';
import { hybridRule } from './hybrid-rule.ts';
import { judgeRule } from './judge-rule.ts';
import { majorityReading, readVotes } from './judge-reading.ts';
import { rationalThreshold, readRollouts } from './monte-carlo.ts';
import type { ErrorRates } from './error-rates.ts';
import { decideByPosterior, stepPosteriors } from './posterior-rule.ts';
import { applyDecision, type ConsensusRule, type Decision } from './rule.ts';
import { thresholdRule } from './threshold-rule.ts';
import { unionRule } from './union-rule.ts';

export const RULE_NAMES = ['mc0', 'mc50', 'judge', 'union', 'hybrid', 'agreement', 'posterior'] as const;
export type RuleName = (typeof RULE_NAMES)[number];

/** Decides on every trace, in order. */
type BatchRule = (
  traces: readonly Trace[],
  options: { threshold: number | null; errorRates: ErrorRates | null },
) => Decision[];

interface RuleEntry {
  readonly decide: BatchRule;
  /** Success rate at or below which a step is wrong; null for a rule that takes none. */
  readonly threshold: number | null;
}

const byVerdicts =
  (rule: ConsensusRule): BatchRule =>
  (traces, { threshold }) => {
    const rollouts = threshold === null ? [] : readRollouts(traces, threshold);
    return traces.map((trace, i) => {
      const votes = readVotes(trace);
      return rule({ mc: rollouts[i] ?? null, judge: majorityReading(votes), votes });
    });
  };

const byPosterior: BatchRule = (traces, { errorRates }) => {
  if (errorRates === null) {
    throw new VlprmError('ERR_USAGE', 'rule posterior needs error rates', {
      where: '--rule posterior',
      fix: 'pick traces with `vlprm audit`, fill the file in, and give it with --audit FILE',
    });
  }
  return stepPosteriors(traces, errorRates).map(decideByPosterior);
};

const RULES: Readonly<Record<RuleName, RuleEntry>> = {
  mc0: { decide: byVerdicts(thresholdRule), threshold: 0 },
  mc50: { decide: byVerdicts(thresholdRule), threshold: 0.5 },
  judge: { decide: byVerdicts(judgeRule), threshold: null },
  union: { decide: byVerdicts(unionRule), threshold: 0 },
  hybrid: { decide: byVerdicts(hybridRule), threshold: 0 },
  agreement: { decide: byVerdicts(agreementRule), threshold: 0 },
  posterior: { decide: byPosterior, threshold: null },
};

/** A rule with its threshold, as datasets record it. */
export interface ResolvedRule {
  /** A rule name, or `mc` for Monte-Carlo labels at a threshold that has no name. */
  readonly name: RuleName | 'mc';
  readonly threshold: number | null;
}

function isRuleName(name: string): name is RuleName {
  return (RULE_NAMES as readonly string[]).includes(name);
}

/**
 * Checks a rule's name and threshold, and fills in the rule's own threshold when none is given.
 * `mc0` or `mc50` at another threshold is no longer what its name says and resolves to `mc`.
 * @throws ERR_USAGE for an unknown rule, or a threshold given to a rule that has none
 * @throws ERR_RANGE for a threshold outside [0, 1)
 */
export function resolveRule(name: string, threshold?: number): ResolvedRule {
  if (!isRuleName(name) && name !== 'mc') {
    throw new VlprmError('ERR_USAGE', `there is no label rule "${name}"`, {
      where: '--rule',
      fix: `use one of ${RULE_NAMES.join(', ')}`,
    });
  }
  const own = name === 'mc' ? 0 : RULES[name].threshold;
  if (threshold === undefined) {
    return name === 'mc' ? { name: 'mc0', threshold: 0 } : { name, threshold: own };
  }
  if (own === null) {
    throw new VlprmError('ERR_USAGE', `rule ${name} takes no threshold`, {
      where: '--threshold',
      fix: 'leave the threshold out, or choose another rule',
    });
  }
  rationalThreshold(threshold);
  const monteCarlo = name === 'mc' || name === 'mc0' || name === 'mc50';
  if (!monteCarlo) return { name, threshold };
  return {
    name: threshold === 0 ? 'mc0' : threshold === 0.5 ? 'mc50' : 'mc',
    threshold,
  };
}

export interface RelabelOptions {
  /** Success rate in [0, 1) at or below which a step is wrong. Absent or null: the rule's own. */
  readonly threshold?: number | null;
  /** What the rule `posterior` goes by, from `fitErrorRates`. */
  readonly errorRates?: ErrorRates | null;
}

/**
 * Labels traces under a rule from the evidence that they carry; no model is called and the evidence is left as it is.
 * Order and number of the traces stay; a dropped trace has `consensus.kept: false`, its reason, and no labels.
 * Previous labels are replaced, so relabelling is idempotent and independent of what was there.
 * Every rule but `posterior` decides on each trace by itself; for `posterior` the solutions of a problem are evidence on
 * each other, so all of them belong into one call.
 * @throws ERR_USAGE for `posterior` without error rates; ERR_USAGE, ERR_RANGE as {@link resolveRule}
 */
export function relabel(traces: readonly Trace[], rule: string, options: RelabelOptions = {}): Trace[] {
  const { name, threshold } = resolveRule(rule, options.threshold ?? undefined);
  const { decide } = name === 'mc' ? RULES.mc0 : RULES[name];
  const decisions = decide(traces, { threshold, errorRates: options.errorRates ?? null });
  return traces.map((trace, i) => applyDecision(trace, name, decisions[i] as Decision));
}

/** {@link relabel} for one trace. */
export function relabelTrace(trace: Trace, rule: string, options: RelabelOptions = {}): Trace {
  return relabel([trace], rule, options)[0] as Trace;
}
