import type { AnswerChecker, Policy, Prefix, Proposal } from '@vlprm/core/models';
import { NO_USAGE, type Step } from '@vlprm/core/records';
import { createRandom, seedFrom, type Random } from '@vlprm/core/runtime';
import type { ProblemOutline } from './population.ts';

export const RIGHT = 'right';
const WRONG = 'wrong';

/** A request for continuations of one prefix. */
export interface SimulatedRequest {
  readonly n: number;
  /** Steps of the prefix, and steps that each continuation writes. */
  readonly prefixSteps: number;
  readonly stepsWritten: number;
}

interface Place {
  /** Probability that a continuation comes to the right answer. */
  readonly value: number;
  readonly stepsLeft: number;
}

/** A tree of the steps of an outline. */
interface Node {
  place: Place | null;
  readonly children: Map<string, Node>;
}

const newNode = (): Node => ({ place: null, children: new Map() });
const keyOf = ({ kind, text }: Step): string => `${kind}\n${text}`;

function treeOf(outline: ProblemOutline): Node {
  const root = newNode();
  for (const { steps, values } of outline) {
    let node = root;
    steps.forEach((step, i) => {
      const key = keyOf(step);
      const next = node.children.get(key) ?? newNode();
      next.place ??= { value: values[i]!, stepsLeft: steps.length - i - 1 };
      node.children.set(key, next);
      node = next;
    });
  }
  return root;
}

/** The place of a prefix; one that leaves the outline keeps the value of where it left. */
function placeOf(root: Node, steps: readonly Step[]): Place {
  let node: Node | undefined = root;
  let place: Place = { value: 0.5, stepsLeft: steps.length };
  for (const step of steps) {
    node = node?.children.get(keyOf(step));
    place = node?.place ?? { value: place.value, stepsLeft: Math.max(0, place.stepsLeft - 1) };
  }
  return place;
}

/**
 * Goes on from the prefixes of one problem's outline: to the right answer with the probability of the prefix, in as many
 * steps as its solution has left, the first of them one that nobody has written before. Costs nothing; every request is told.
 */
export function simulatedPolicy(
  outline: ProblemOutline,
  seed: number,
  onRequest: (request: SimulatedRequest) => void,
): Policy {
  const root = treeOf(outline);
  const random: Random = createRandom(seedFrom(seed, 'forecast'));
  let written = 0;
  const proposal = ({ value, stepsLeft }: Place): Proposal => ({
    steps: Array.from({ length: stepsLeft }, (_, i): Step => {
      return { kind: 'reasoning', text: i === 0 ? `new ${written++}` : `then ${i}` };
    }),
    finalAnswer: random.uniform() < value ? RIGHT : WRONG,
    ended: true,
    tokens: null,
  });
  const continuePrefix = ({ steps }: Prefix, n: number) => {
    const place = placeOf(root, steps);
    onRequest({ n, prefixSteps: steps.length, stepsWritten: place.stepsLeft });
    return Array.from({ length: n }, () => ({ ok: true as const, value: proposal(place) }));
  };
  return {
    name: 'simulated',
    capabilities: { images: true, maxSteps: null },
    propose: (prefixes, { n }) =>
      Promise.resolve({ proposals: prefixes.map((prefix) => continuePrefix(prefix, n)), usage: NO_USAGE }),
  };
}

/** Compares the answers of simulated policies. */
export const simulatedChecker: AnswerChecker = {
  check: (pairs) => pairs.map(({ answer, reference }) => (answer === reference ? 'correct' : 'incorrect')),
};

export const answerOf = (right: boolean): string => (right ? RIGHT : WRONG);
