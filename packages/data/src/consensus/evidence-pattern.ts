import type { Outcome, Trace } from '@vlprm/core/records';
import { readJudge } from './judge-reading.ts';
import { readRollouts, type McReading } from './monte-carlo.ts';

/** What one source says of a whole trace. */
export type TraceVerdict = 'right' | 'wrong' | 'none';

/** How the judges' majority and the rollouts under threshold 0 stand to each other on a trace. */
export interface EvidencePattern {
  readonly judge: TraceVerdict;
  readonly mc: TraceVerdict;
  /** First error that each names; null where it names none. */
  readonly judgeFirstError: number | null;
  readonly mcFirstError: number | null;
  readonly outcome: Outcome;
}

function rolloutVerdict(mc: McReading | null): TraceVerdict {
  if (mc === null) return 'none';
  if (mc.firstError !== null) return 'wrong';
  return mc.verdicts.at(-1) === 1 ? 'right' : 'none';
}

/** The pattern of every trace, in order. */
export function evidencePatterns(traces: readonly Trace[]): EvidencePattern[] {
  const rollouts = readRollouts(traces, 0);
  return traces.map((trace, i) => {
    const mc = rollouts[i] ?? null;
    const reading = readJudge(trace);
    const judgeFirstError = typeof reading === 'string' ? null : reading.firstError;
    return {
      judge: typeof reading === 'string' ? 'none' : judgeFirstError === null ? 'right' : 'wrong',
      mc: rolloutVerdict(mc),
      judgeFirstError,
      mcFirstError: mc?.firstError ?? null,
      outcome: trace.outcome,
    };
  });
}

export const PATTERN_NAMES = [
  'both-right',
  'both-wrong-same-step',
  'both-wrong-judge-earlier',
  'both-wrong-mc-earlier',
  'judge-wrong-mc-right',
  'judge-right-mc-wrong',
  'judge-right-mc-none',
  'judge-wrong-mc-none',
  'judge-none-mc-right',
  'judge-none-mc-wrong',
  'judge-none-mc-none',
] as const;
export type PatternName = (typeof PATTERN_NAMES)[number];

export function patternName({ judge, mc, judgeFirstError, mcFirstError }: EvidencePattern): PatternName {
  if (judge === 'right' && mc === 'right') return 'both-right';
  if (judgeFirstError !== null && mcFirstError !== null) {
    if (judgeFirstError === mcFirstError) return 'both-wrong-same-step';
    return judgeFirstError < mcFirstError ? 'both-wrong-judge-earlier' : 'both-wrong-mc-earlier';
  }
  return `judge-${judge}-mc-${mc}` as PatternName;
}
