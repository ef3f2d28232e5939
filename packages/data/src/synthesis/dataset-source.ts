import type { ImageRef, Trace } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import type { DatasetRequest } from '../storage/dataset-writer.ts';
import type { LabelledProblem } from './labelled-problems.ts';
import type { SynthesisResult } from './synthesize.ts';

/**
 * A synthesis as the dataset writer takes it: traces as they are labelled, and the images of the problem that they are of,
 * so that one problem is held at a time.
 * @param onProblem sees every row of the source in order, before its traces are taken: for its rejects
 */
export function datasetSource(
  result: Pick<SynthesisResult, 'labelled'>,
  onProblem: (problem: LabelledProblem) => void | Promise<void> = () => undefined,
): Pick<DatasetRequest, 'traces' | 'images'> {
  let images = new Map<string, Uint8Array>();
  async function* traces(): AsyncGenerator<Trace> {
    for await (const problem of result.labelled()) {
      const { loaded } = problem;
      images = new Map(loaded?.problem.images.map(({ sha256 }, i) => [sha256, loaded.images[i] as Uint8Array]));
      await onProblem(problem);
      yield* problem.traces;
    }
  }
  return {
    traces: traces(),
    images: ({ sha256, path }: ImageRef) => {
      const bytes = images.get(sha256);
      if (bytes !== undefined) return bytes;
      throw new VlprmError('ERR_INTERNAL', 'an image is asked for after its problem', { where: path });
    },
  };
}
