import { VlprmError } from '@vlprm/core/runtime';
import { solve, strategyById } from '@vlprm/tts';
import type { z } from 'zod';
import type { solveInputSchema, SolveOutput } from '../contract/solve.ts';
import type { Platform } from './platform.ts';
import { presentProblem } from './present-problem.ts';

/**
 * Answers a question about an image.
 * @throws ERR_STRATEGY_UNKNOWN, ERR_NO_PRM, ERR_IMAGE_DECODE, and what models throw
 */
export async function solveImage(
  platform: Platform,
  input: z.output<typeof solveInputSchema>,
  signal?: AbortSignal,
): Promise<SolveOutput> {
  const { question, options, n, seed } = input;
  const strategy = strategyById(input.strategy);
  const prm = strategy.need === 'nothing' ? null : await platform.requirePrm();
  const policy = await platform.policy();
  const problem = await presentProblem({ image: decodeBase64(input.image), question, options });
  const solved = await solve({ policy, prm, problem, strategy, n, seed, signal });
  const { answer, score, failedSamples, usage, policyTokens, prmForwards, prmTokens } = solved;
  return {
    answer,
    strategy: strategy.id,
    n,
    seed,
    policy: policy.name,
    prm: prm?.name ?? null,
    score,
    chosen: wireCandidate(solved.chosen),
    candidates: solved.candidates.map(wireCandidate),
    failedSamples,
    usage: { ...usage, policyTokens, prmForwards, prmTokens },
  };
}

type WireCandidate = SolveOutput['chosen'];

function wireCandidate({ steps, stepScores, ...rest }: Awaited<ReturnType<typeof solve>>['chosen']): WireCandidate {
  return { ...rest, steps: [...steps], stepScores: stepScores === null ? null : [...stepScores] };
}

function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > 0) return bytes;
  throw new VlprmError('ERR_IMAGE_DECODE', 'the image is empty', { where: 'image', fix: 'send its bytes as base64' });
}
