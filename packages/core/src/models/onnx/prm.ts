import { stepScore, type BackendName } from '@vlprm/native-cuda';
import type { PrmBundle } from '../../records/prm-bundle.ts';
import type { ProcessRewardModel, StepScores } from '../ports.ts';
import { readPrmBundle, type OpenedPrmBundle } from '../prm-bundle.ts';
import { StepReader, type StepRows } from './step-reader.ts';

export interface LoadPrmOptions {
  /** Worker threads; default the cores of the machine, at most 8. */
  readonly threads?: number;
  /** Kernel backend of the head; default the active one. */
  readonly backend?: BackendName;
}

/** A PRM that runs here, with the manifest of the bundle that it came from. */
export interface LoadedPrm extends ProcessRewardModel {
  readonly manifest: PrmBundle;
  close(): Promise<void>;
}

/**
 * Loads a PRM bundle: ONNX Runtime in worker threads reads the solutions, the step-score kernel applies the head.
 * Errors as `readPrmBundle`; ERR_BACKEND_UNAVAILABLE without onnxruntime-node.
 */
export async function loadPrm(folder: string, options: LoadPrmOptions = {}): Promise<LoadedPrm> {
  const bundle = await readPrmBundle(folder);
  const { blind } = bundle.manifest;
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  const reader = await StepReader.open(folder, { blind, ...threads });
  const { name, threshold } = bundle.manifest;
  return {
    name,
    manifest: bundle.manifest,
    capabilities: { images: !blind, maxSteps: null },
    threshold: threshold.value,
    scoreSteps: async (solutions, signal) => {
      const rows = await reader.read(solutions, signal === undefined ? {} : { signal });
      const usage = { calls: rows.forwards, promptTokens: rows.forwardTokens, completionTokens: 0, usd: 0 };
      return { scores: applyHead(bundle, rows, options.backend), forwards: rows.forwards, usage };
    },
    close: () => reader.close(),
  };
}

/** Step scores of every solution whose features a `StepReader` has read; several heads of one base can share a reading. */
export function applyHead(
  { head, manifest }: Pick<OpenedPrmBundle, 'head' | 'manifest'>,
  rows: StepRows,
  backend?: BackendName,
): StepScores[] {
  const { temperature } = manifest;
  const { logit, probability } = stepScore(
    { hidden: rows.features, dtype: 'f32', width: rows.width, head, temperature },
    backend === undefined ? {} : { backend },
  );
  const logits = logit.map((calibrated) => calibrated * temperature);
  return Array.from(rows.tokens, (tokens, solution) => {
    const [from, to] = [rows.offsets[solution]!, rows.offsets[solution + 1]!];
    return { logits: logits.slice(from, to), probabilities: probability.slice(from, to), tokens };
  });
}
