import { TRACE_SCHEMA, type ImageRef, type JudgeVerdict, type Trace } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import type { Rollout } from './rollouts.ts';

export const SOURCE = 'vlprm-reference';

/** `model` for its first review of a trace, `model#2` for the second. */
function reviewers({ reviews }: Rollout): string[] {
  return reviews.map(({ model }, index) => {
    const vote = reviews.slice(0, index + 1).filter((review) => review.model === model).length;
    return vote === 1 ? model : `${model}#${vote}`;
  });
}

/** A solution with its evidence as an unlabelled trace; without a review `judge` is empty. */
export function toTrace(rollout: Rollout, picture: ImageRef | null): Trace {
  const { uid, answer, response, imageName, solution, reviews } = rollout;
  const { question, steps, values, finalAnswer, outcome } = solution;
  const images = picture === null ? [] : [picture];
  const shas = images.map(({ sha256 }) => sha256);
  const by = reviewers(rollout);
  return {
    schema: TRACE_SCHEMA,
    id: contentHash({ source: SOURCE, uid, question, answer, response }),
    problemId: contentHash({ images: shas, question, options: null, answer }),
    groupId: contentHash(picture === null ? imageName : shas),
    images,
    question,
    answer,
    steps: steps.map(({ kind, text }, index) => ({
      index,
      kind,
      text,
      mc: values[index] ?? null,
      judge: reviews.map(({ verdicts }, i): JudgeVerdict => ({
        verdict: verdicts[index] ?? null,
        by: by[i] as string,
      })),
      label: null,
      soft: null,
      origin: null,
    })),
    finalAnswer,
    outcome,
    firstError: null,
    consensus: null,
    provenance: {
      source: SOURCE,
      policy: null,
      judges: [...new Set(reviews.map(({ model }) => model))],
      seed: null,
      usd: null,
      sourceId: uid,
      sourceImage: imageName,
      mcIncorrect: 'wrong, unreadable and failed rollouts together',
    },
  };
}
