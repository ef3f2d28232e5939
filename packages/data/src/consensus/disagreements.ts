import type { Outcome, StepKind, Trace } from '@vlprm/core/records';
import { createRandom, seedFrom } from '@vlprm/core/runtime';
import {
  evidencePatterns,
  PATTERN_NAMES,
  patternName,
  type EvidencePattern,
  type PatternName,
} from './evidence-pattern.ts';

/** Kind of a named first error; `unknown` where the step's kind is null. */
export type ErrorKind = StepKind | 'unknown';

export interface PatternCounts {
  readonly pattern: PatternName;
  readonly traces: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Traces by the kind of the first error that the judges name, and that the rollouts name. */
  readonly judgeErrorKinds: Readonly<Record<ErrorKind, number>>;
  readonly mcErrorKinds: Readonly<Record<ErrorKind, number>>;
  /** Ids of traces to look at. */
  readonly examples: readonly string[];
}

export interface Disagreements {
  readonly traces: number;
  /** Traces on which both have a verdict, those of them on which it is the same, and those with the same first error or none. */
  readonly judgedByBoth: number;
  readonly sameVerdict: number;
  readonly sameFirstError: number;
  /** Patterns that occur, in the order of `PATTERN_NAMES`. */
  readonly patterns: readonly PatternCounts[];
  /** How often the judges name one first error and the rollouts another; null is none. Traces on which both have a verdict. */
  readonly firstErrors: readonly {
    readonly judge: number | null;
    readonly mc: number | null;
    readonly traces: number;
  }[];
}

export interface DisagreementOptions {
  /** Examples per pattern. Default 6. */
  readonly examples?: number;
  /** Seed of their draw. Default 0. */
  readonly seed?: number;
}

interface Case {
  readonly trace: Trace;
  readonly pattern: EvidencePattern;
  readonly name: PatternName;
}

function kindCounts(
  cases: readonly Case[],
  errorOf: (pattern: EvidencePattern) => number | null,
): Record<ErrorKind, number> {
  const counts = { perception: 0, reasoning: 0, unknown: 0 };
  for (const { trace, pattern } of cases) {
    const index = errorOf(pattern);
    if (index !== null) counts[trace.steps[index]?.kind ?? 'unknown'] += 1;
  }
  return counts;
}

function countPattern(
  pattern: PatternName,
  cases: readonly Case[],
  { examples = 6, seed = 0 }: DisagreementOptions,
): PatternCounts {
  const outcomes = { correct: 0, incorrect: 0, unparsable: 0, failed: 0 };
  for (const { trace } of cases) outcomes[trace.outcome] += 1;
  const ids = cases.map(({ trace }) => trace.id).sort();
  return {
    pattern,
    traces: cases.length,
    outcomes,
    judgeErrorKinds: kindCounts(cases, ({ judgeFirstError }) => judgeFirstError),
    mcErrorKinds: kindCounts(cases, ({ mcFirstError }) => mcFirstError),
    examples: createRandom(seedFrom('disagreements', seed, pattern))
      .shuffle(ids)
      .slice(0, examples),
  };
}

function firstErrorTable(cases: readonly Case[]): Disagreements['firstErrors'] {
  const rows = new Map<string, { judge: number | null; mc: number | null; traces: number }>();
  for (const { pattern } of cases) {
    const { judgeFirstError: judge, mcFirstError: mc } = pattern;
    const row = rows.get(`${judge}/${mc}`) ?? { judge, mc, traces: 0 };
    row.traces += 1;
    rows.set(`${judge}/${mc}`, row);
  }
  const last = (index: number | null): number => index ?? Number.MAX_SAFE_INTEGER;
  return [...rows.values()].sort((a, b) => last(a.judge) - last(b.judge) || last(a.mc) - last(b.mc));
}

/**
 * Where the judges' majority and the rollouts under threshold 0 part: counts by pattern, outcome and step kind, and
 * examples of each. Nothing is labelled, and no truth is assumed on either side.
 */
export function disagreements(traces: readonly Trace[], options: DisagreementOptions = {}): Disagreements {
  const patterns = evidencePatterns(traces);
  const cases = traces.map((trace, i): Case => {
    const pattern = patterns[i] as EvidencePattern;
    return { trace, pattern, name: patternName(pattern) };
  });
  const both = cases.filter(({ pattern }) => pattern.judge !== 'none' && pattern.mc !== 'none');
  return {
    traces: traces.length,
    judgedByBoth: both.length,
    sameVerdict: both.filter(({ pattern }) => pattern.judge === pattern.mc).length,
    sameFirstError: both.filter(({ pattern }) => pattern.judgeFirstError === pattern.mcFirstError).length,
    patterns: PATTERN_NAMES.flatMap((name) => {
      const members = cases.filter((one) => one.name === name);
      return members.length === 0 ? [] : [countPattern(name, members, options)];
    }),
    firstErrors: firstErrorTable(both),
  };
}
