import { solutionPrompt, verificationPrompt } from '@vlprm/core/text';
import type { ProblemSource } from '@vlprm/data/problems';
import { admit } from '@vlprm/data/synthesis';

/** Bytes of the text of a call and pixels of its images. */
export interface ProblemSize {
  readonly id: string;
  readonly policyBytes: number;
  /** Without the solution. */
  readonly judgeBytes: number;
  readonly images: readonly { readonly width: number; readonly height: number }[];
}

export interface ProblemSizes {
  readonly problems: readonly ProblemSize[];
  /** Rows of the source that a synthesis sets aside before any call. */
  readonly setAside: number;
}

const NO_STEP = { kind: 'reasoning', text: '-' } as const;

/**
 * Reads every row of a source, with its images, and keeps their sizes.
 * @param prompt the policy's own prompt; null for that of the step grammar
 * @throws ERR_ABORTED, and what the source throws
 */
export async function measureProblems(
  source: ProblemSource,
  prompt: string | null,
  signal?: AbortSignal,
): Promise<ProblemSizes> {
  const problems: ProblemSize[] = [];
  let setAside = 0;
  for await (const row of admit(source, signal)) {
    if (row.reject !== null) {
      setAside += 1;
      continue;
    }
    const { problem } = row.loaded;
    const asked = prompt === null ? solutionPrompt(problem) : solutionPrompt(problem, { text: prompt });
    problems.push({
      id: problem.id,
      policyBytes: Buffer.byteLength(asked),
      judgeBytes: Buffer.byteLength(verificationPrompt(problem.question, [NO_STEP], null, null)),
      images: problem.images.map(({ width, height }) => ({ width, height })),
    });
  }
  return { problems, setAside };
}
