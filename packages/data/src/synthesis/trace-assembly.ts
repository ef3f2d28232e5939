import type { AnswerChecker } from '@vlprm/core/models';
import { addUsage, NO_USAGE, TRACE_SCHEMA, type Trace, type Usage } from '@vlprm/core/records';
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
  /** Null when there is no judge. */
  readonly reviews: Reviews | null;
  readonly usage: readonly Usage[];
}

export interface AssemblyNames {
  readonly policy: string;
  readonly judge: string | null;
}

/**
 * Unlabelled traces of one problem, in the order of its samples. A sample that failed, or in which no step could be read,
 * is no trace. The id hashes problem, policy, sampling and the sample's place as well as its text, so equal solutions stay apart.
 */
export function assembleTraces(
  gathered: GatheredProblem,
  names: AssemblyNames,
  checker: AnswerChecker,
  options: ResolvedSynthesisOptions,
): Trace[] {
  const { loaded, samples, estimate, reviews } = gathered;
  const { problem } = loaded;
  const spent = gathered.usage.reduce(addUsage, NO_USAGE).usd;
  const traces = samples.filter(isTrace).length;
  const sampling = { temperature: options.temperature, samples: options.tracesPerProblem };
  return samples.flatMap((sample, index): Trace[] => {
    if (!isTrace(sample)) return [];
    const { steps, finalAnswer } = sample;
    const review = reviews?.[index] ?? null;
    const verdicts = review?.ok === true ? review.verdicts : null;
    const [outcome] = checker.check([
      { answer: finalAnswer, reference: problem.answer as string, options: problem.options },
    ]);
    return [
      {
        schema: TRACE_SCHEMA,
        id: contentHash({
          problem: problem.id,
          policy: names.policy,
          sampling,
          seed: options.seed,
          index,
          steps,
          finalAnswer,
        }),
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
          judge:
            verdicts === null || names.judge === null ? [] : [{ verdict: verdicts[step] ?? null, by: names.judge }],
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
          policy: names.policy,
          judges: verdicts === null || names.judge === null ? [] : [names.judge],
          seed: options.seed,
          usd: spent === null ? null : spent / traces,
          sample: index,
          sampling,
        },
      },
    ];
  });
}
