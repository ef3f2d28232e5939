import type { AnswerChecker } from '@vlprm/core/models';
import { TRACE_SCHEMA, type Trace, type Usage } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import type { LoadedProblem } from '../problems/loaded-problem.ts';
import type { Estimate } from './estimation.ts';
import type { ResolvedSynthesisOptions } from './options.ts';
import type { Reviews } from './reviewing.ts';
import { isTrace, type Sample } from './sampling.ts';

/** Everything that was gathered for one problem. */
export interface GatheredProblem {
  readonly loaded: LoadedProblem;
  readonly samples: readonly Sample[];
  /** Null when no rollouts were asked for. */
  readonly estimate: Estimate | null;
  /** Of every judge and vote. */
  readonly reviews: readonly { readonly by: string; readonly reviews: Reviews }[];
  /** What its stages have cost. */
  readonly usage: Usage;
}

/** Samples that are no trace, or that no judge could review although some were asked. */
export function unusableSamples({ samples, reviews }: GatheredProblem): number {
  const unreviewed = (index: number): boolean =>
    reviews.length > 0 && reviews.every(({ reviews: list }) => list[index]?.ok !== true);
  return samples.filter((sample, index) => !isTrace(sample) || unreviewed(index)).length;
}

/**
 * Unlabelled traces of one problem, in the order of its samples. A sample that failed, or in which no step could be read,
 * is no trace. The id hashes problem, policy, sampling and the sample's place as well as its text, so equal solutions stay apart.
 */
export function assembleTraces(
  gathered: GatheredProblem,
  policy: string,
  checker: AnswerChecker,
  options: ResolvedSynthesisOptions,
): Trace[] {
  const { loaded, samples, estimate, reviews, usage } = gathered;
  const { problem } = loaded;
  const traces = samples.filter(isTrace).length;
  const sampling = { temperature: options.temperature, samples: options.tracesPerProblem };
  return samples.flatMap((sample, index): Trace[] => {
    if (!isTrace(sample)) return [];
    const { steps, finalAnswer } = sample;
    const read = reviews.flatMap(({ by, reviews: list }) => {
      const review = list[index];
      return review?.ok === true ? [{ by, verdicts: review.verdicts }] : [];
    });
    const [outcome] = checker.check([
      { answer: finalAnswer, reference: problem.answer as string, options: problem.options },
    ]);
    return [
      {
        schema: TRACE_SCHEMA,
        id: contentHash({ problem: problem.id, policy, sampling, seed: options.seed, index, steps, finalAnswer }),
        problemId: problem.id,
        groupId: problem.groupId,
        images: problem.images,
        question: problem.question,
        answer: problem.answer,
        steps: steps.map(({ kind, text }, step) => ({
          index: step,
          kind,
          text,
          mc: estimate?.values[index]?.[step] ?? null,
          judge: read.map(({ by, verdicts }) => ({ verdict: verdicts[step] ?? null, by })),
          label: null,
          soft: null,
          origin: null,
        })),
        finalAnswer,
        outcome: outcome ?? 'failed',
        firstError: null,
        consensus: null,
        provenance: {
          source: problem.source,
          policy,
          judges: read.map(({ by }) => by),
          seed: options.seed,
          usd: usage.usd === null ? null : usage.usd / traces,
          sample: index,
          sampling,
        },
      },
    ];
  });
}
