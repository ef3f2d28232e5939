import { createHash } from 'node:crypto';
import type { Prefix } from '@vlprm/core/models';
import { PROBLEM_SCHEMA, type Step } from '@vlprm/core/records';
import type { Random } from '@vlprm/core/runtime';
import {
  createScriptedJudge,
  createScriptedPolicy,
  type ScriptedJudge,
  type ScriptedPolicy,
  type ScriptedPolicyOptions,
} from '@vlprm/core/testing';
import type { LoadedProblem } from '../problems/loaded-problem.ts';

/** Steps of every solution: two that are seen, two that are concluded. */
const KINDS = ['perception', 'perception', 'reasoning', 'reasoning'] as const;

/** Problem i shows i circles; what the picture's bytes are does not matter here, only that they have a hash. */
export function countingProblem(i: number): LoadedProblem {
  const bytes = new TextEncoder().encode(`picture of ${i} circles`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    images: [bytes],
    problem: {
      schema: PROBLEM_SCHEMA,
      id: `problem-${i}`,
      groupId: `group-${i}`,
      images: [{ sha256, mime: 'image/png', width: 96, height: 96, path: `${i}.png` }],
      question: 'How many circles?',
      options: null,
      answer: String(i),
      source: 'test/counting',
    },
  };
}

export function countingProblems(count: number): LoadedProblem[] {
  return Array.from({ length: count }, (_, i) => countingProblem(i));
}

/** A step that this world's judge and policy take for wrong. */
export function isSlip(step: Step): boolean {
  return step.text.startsWith('slip');
}

function writeStep(index: number, random: Random): Step {
  const kind = KINDS[index] ?? 'reasoning';
  return { kind, text: random.uniform() < 0.2 ? `slip in step ${index}` : `sound step ${index}` };
}

/**
 * Goes on to four steps, each a slip with probability 0.2. The answer is right without a slip and wrong with one;
 * one in ten continuations is a call that failed, one in ten cannot be read.
 */
function continueCounting({ problem, steps }: Prefix, _sample: number, random: Random) {
  const luck = random.uniform();
  if (luck < 0.1) return new Error('the call failed');
  const rest = KINDS.map((_, index) => writeStep(index, random)).slice(steps.length);
  const answer = problem.id.replace('problem-', '');
  const wrong = [...steps, ...rest].some(isSlip);
  return { steps: rest, finalAnswer: luck < 0.2 ? null : wrong ? `${answer}1` : answer };
}

export function countingPolicy(options: Partial<ScriptedPolicyOptions> = {}): ScriptedPolicy {
  return createScriptedPolicy({ name: 'counting-policy', script: continueCounting, ...options });
}

/** Finds the first slip; one review in ten fails. */
export function countingJudge(options: { readonly delayMs?: number } = {}): ScriptedJudge {
  return createScriptedJudge({
    ...options,
    name: 'counting-judge',
    script: ({ steps }, random) => {
      if (random.uniform() < 0.1) return new Error('the review failed');
      const slip = steps.findIndex(isSlip);
      return slip < 0 ? null : slip;
    },
  });
}
