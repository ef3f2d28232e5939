import { imageHash, type PresentedProblem } from '@vlprm/core/models';
import { FAMILIES, readQuestion } from './families/index.ts';
import type { Belief, Eye } from './eyes.ts';
import type { Family, Query } from './family.ts';

/** A presented puzzle as policy or judge takes it in: what is asked, and what an eye believes of the picture. */
export interface View {
  readonly family: Family;
  readonly query: Query;
  readonly belief: Belief;
  readonly imageHash: string;
}

/** Looks at every presented puzzle, all pictures in one go; null where the question is not one of the puzzle world or no picture is there. */
export async function viewAll(eye: Eye, presented: readonly PresentedProblem[]): Promise<(View | null)[]> {
  const asked = presented.map(({ problem, images }) => {
    const query = readQuestion(problem.question);
    const [image] = images;
    return query === null || image === undefined ? null : { family: FAMILIES[query.family], query, image };
  });
  const readable = asked.filter((item) => item !== null);
  const beliefs = await eye.look(
    readable.map(({ image }) => image),
    readable.map(({ family }) => family),
  );
  const beliefOf = new Map(readable.map((item, i) => [item, beliefs[i] ?? []]));
  return asked.map((item) => {
    if (item === null) return null;
    const { family, query, image } = item;
    return { family, query, belief: beliefOf.get(item) ?? [], imageHash: imageHash(image) };
  });
}
