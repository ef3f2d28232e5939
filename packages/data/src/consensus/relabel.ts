import { VlprmError } from '@vlprm/core/runtime';
import type { Trace } from '@vlprm/core/records';
import { agreementRule } from './agreement-rule.ts';
import { hybridRule } from './hybrid-rule.ts';
import { judgeRule } from './judge-rule.ts';
import { majorityReading, readVotes } from './judge-reading.ts';
import { rationalThreshold, readRollouts } from './monte-carlo.ts';
import { applyDecision, type ConsensusRule } from './rule.ts';
import { thresholdRule } from './threshold-rule.ts';
import { unionRule } from './union-rule.ts';

export const RULE_NAMES = ['mc0', 'mc50', 'judge', 'union', 'hybrid', 'agreement'] as const;
export type RuleName = (typeof RULE_NAMES)[number];

interface RuleEntry {
  readonly rule: ConsensusRule;
  /** Success rate at or below which a step is wrong; null for a rule that reads no rollouts. */
  readonly threshold: number | null;
}

const RULES: Readonly<Record<RuleName, RuleEntry>> = {
  mc0: { rule: thresholdRule, threshold: 0 },
  mc50: { rule: thresholdRule, threshold: 0.5 },
  judge: { rule: judgeRule, threshold: null },
  union: { rule: unionRule, threshold: 0 },
  hybrid: { rule: hybridRule, threshold: 0 },
  agreement: { rule: agreementRule, threshold: 0 },
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
    throw new VlprmError('ERR_USAGE', `rule ${name} reads no rollouts and takes no threshold`, {
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

function ruleOf(name: ResolvedRule['name']): ConsensusRule {
  return name === 'mc' ? thresholdRule : RULES[name].rule;
}

export interface RelabelOptions {
  /** Success rate in [0, 1) at or below which a step is wrong. Absent or null: the rule's own. */
  readonly threshold?: number | null;
}

/**
 * Labels traces under a rule from the evidence that they carry; no model is called and the evidence is left as it is.
 * Order and number of the traces stay; a dropped trace has `consensus.kept: false`, its reason, and no labels.
 * Previous labels are replaced, so relabelling is idempotent and independent of what was there.
 * @throws ERR_USAGE, ERR_RANGE as {@link resolveRule}
 */
export function relabel(traces: readonly Trace[], rule: string, options: RelabelOptions = {}): Trace[] {
  const resolved = resolveRule(rule, options.threshold ?? undefined);
  const decide = ruleOf(resolved.name);
  const rollouts = resolved.threshold === null ? traces.map(() => null) : readRollouts(traces, resolved.threshold);
  return traces.map((trace, i) => {
    const votes = readVotes(trace);
    const evidence = { mc: rollouts[i] ?? null, judge: majorityReading(votes), votes };
    return applyDecision(trace, resolved.name, decide(evidence));
  });
}

/** {@link relabel} for one trace. */
export function relabelTrace(trace: Trace, rule: string, options: RelabelOptions = {}): Trace {
  return relabel([trace], rule, options)[0] as Trace;
}
