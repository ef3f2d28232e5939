import type { Judge, Policy } from '@vlprm/core';
import type { Trace } from '@vlprm/core/records';
import { VlprmError, type Ledger } from '@vlprm/core/runtime';
import { createAnswerChecker } from '@vlprm/core/text';
import { WORLD_HASH, type Puzzle } from '@vlprm/data/puzzle-world';
import { collectTraces, synthesize, type SynthesisSummary } from '@vlprm/data/synthesis';
import {
  judgeFirstErrorAccuracy,
  judgeTraces,
  passedTraces,
  relabelByEveryRule,
  type RelabelledTraces,
} from '../report/judged-traces.ts';
import { commonQuality, labelRows } from '../report/label-quality.ts';
import type { Report } from '../report/report-schema.ts';
import type { SynthesisResult } from '../report/stage-results.ts';
import { vetoQuality } from '../report/veto.ts';
import type { StageContext } from './stage-context.ts';
import { TruthBook } from './truth.ts';

export interface SynthesisStageInput {
  readonly puzzles: readonly Puzzle[];
  readonly policy: Policy;
  readonly judge: Judge;
  readonly ledger: Ledger;
  readonly tracesPerProblem: number;
  readonly rolloutsPerStep: number;
  readonly seed: number;
}

export interface SynthesizedTraces {
  /** Labelled by the hybrid rule, dropped ones included. */
  readonly traces: readonly Trace[];
  readonly relabelled: RelabelledTraces;
  readonly summary: SynthesisSummary;
}

/**
 * Samples, estimates, reviews and labels the training puzzles. Resumes from the ledger.
 * @throws ERR_TOO_MANY_REJECTS, ERR_BUDGET for a synthesis that did not come to its end, and what it throws itself
 */
export async function runSynthesis(input: SynthesisStageInput, context: StageContext): Promise<SynthesizedTraces> {
  const synthesized = await synthesize({
    problems: input.puzzles.map(({ problem, png }) => ({ problem, images: [png] })),
    policy: input.policy,
    judges: [input.judge],
    checker: createAnswerChecker(),
    ledger: input.ledger,
    options: {
      tracesPerProblem: input.tracesPerProblem,
      rolloutsPerStep: input.rolloutsPerStep,
      seed: input.seed,
    },
    rule: 'hybrid',
    signal: context.signal,
    events: context.events,
  });
  if (synthesized.exhausted !== null) throw synthesized.exhausted;
  const traces = await collectTraces(synthesized);
  return { traces, relabelled: relabelByEveryRule(traces), summary: synthesized.summary };
}

/** The labels of every rule against the scenes. */
export function measureSynthesis(
  { traces, relabelled, summary }: SynthesizedTraces,
  puzzles: readonly Puzzle[],
  seed: number,
): Pick<SynthesisResult, 'synthesis' | 'judgeFirstErrorAccuracy' | 'worldHash'> {
  const book = new TruthBook(puzzles);
  const truth = (trace: Trace) => book.ofTrace(trace);
  const judged = judgeTraces(relabelled, truth);
  const judgeAccuracy = judgeFirstErrorAccuracy(relabelled.judge, truth);
  if (judgeAccuracy === null) {
    throw new VlprmError('ERR_MODEL_FAILED', 'the judge reviewed no trace', { fix: 'check it with `vlprm doctor`' });
  }
  return {
    judgeFirstErrorAccuracy: judgeAccuracy,
    worldHash: WORLD_HASH,
    synthesis: {
      ...counts(summary),
      labels: labelRows(judged, seed),
      common: commonQuality(judged, seed),
      veto: vetoQuality(passedTraces(traces, truth)),
    },
  };
}

function counts({
  traces,
  samples,
  rollouts,
  reviews,
  usage,
}: SynthesisSummary): Pick<
  Report['synthesis'],
  'traces' | 'rollouts' | 'failed' | 'failures' | 'policyCalls' | 'judgeCalls' | 'usd'
> {
  const spent = [usage.sample.usd, usage.estimate.usd, usage.judge.usd];
  return {
    traces,
    rollouts: rollouts.total,
    failed: samples.failed + rollouts.failed + reviews.failed,
    failures: {
      samples: { failed: samples.failed, unparsable: samples.unreadable },
      rollouts: { failed: rollouts.failed, unparsable: rollouts.unparsable },
      reviews: { failed: reviews.failed, unparsable: reviews.unparsable },
    },
    policyCalls: usage.sample.calls + usage.estimate.calls,
    judgeCalls: usage.judge.calls,
    usd: spent.includes(null) ? null : spent.reduce<number>((sum, usd) => sum + (usd ?? 0), 0),
  };
}
