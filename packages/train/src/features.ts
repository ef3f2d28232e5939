import { imageHash } from '@vlprm/core/models';
import type { ReadableSolution, StepReader } from '@vlprm/core/models/onnx';
import type { ImageRef, Step, Trace } from '@vlprm/core/records';
import { startStage, VlprmError, type Events } from '@vlprm/core/runtime';
import { formatSteps } from '@vlprm/core/text';

/** Gives the bytes of an image that a trace names. */
export type ImageLoader = (image: ImageRef) => Promise<Uint8Array>;

/** Features of the steps of traces, and of each trace's whole solution given as one step. They do not depend on labels. */
export interface TraceFeatures {
  readonly width: number;
  /** [rows × width] for each trace its steps in order, then its whole solution. */
  readonly features: Float32Array;
  /** First row of each trace, by trace id; its whole solution is row `first + steps`. */
  readonly firstRow: ReadonlyMap<string, number>;
  readonly blind: boolean;
  /** Forwards of the base that this took. */
  readonly forwards: number;
}

export interface ReadFeaturesOptions {
  readonly signal?: AbortSignal;
  /** Told about the stage `read`. */
  readonly events?: Events;
}

const plainSteps = (trace: Trace): Step[] => trace.steps.map(({ kind, text }) => ({ kind, text }));

/**
 * Reads traces through a base, each different (image, text) once.
 * Throws ERR_DATASET_INVALID when an image is not the one that the trace names; else as `StepReader.read`.
 */
export async function readTraceFeatures(
  reader: StepReader,
  traces: readonly Trace[],
  loadImage: ImageLoader,
  { signal, events }: ReadFeaturesOptions = {},
): Promise<TraceFeatures> {
  const load = reader.blind ? async () => [] : rememberingLoader(loadImage);
  const solutions: ReadableSolution[] = [];
  const firstRow = new Map<string, number>();
  let row = 0;
  for (const trace of traces) {
    const seen = { problem: { id: trace.problemId, question: trace.question }, images: await load(trace) };
    const steps = plainSteps(trace);
    solutions.push({ ...seen, steps }, { ...seen, steps: [{ kind: null, text: formatSteps(steps) }] });
    firstRow.set(trace.id, row);
    row += steps.length + 1;
  }
  const stage = events === undefined ? null : startStage(events, 'read', { total: null });
  const rows = await reader.read(solutions, {
    ...(signal === undefined ? {} : { signal }),
    onProgress: () => stage?.advance(),
  });
  return { width: rows.width, features: rows.features, firstRow, blind: reader.blind, forwards: rows.forwards };
}

/** Loads each image once and checks that it is the one named. */
function rememberingLoader(loadImage: ImageLoader): (trace: Trace) => Promise<Uint8Array[]> {
  const known = new Map<string, Uint8Array>();
  const one = async (image: ImageRef, where: string): Promise<Uint8Array> => {
    const found = known.get(image.sha256);
    if (found !== undefined) return found;
    const bytes = await loadImage(image);
    if (imageHash(bytes) !== image.sha256) {
      throw new VlprmError('ERR_DATASET_INVALID', `image ${image.path} is not the one that the trace names`, {
        where,
        fix: 'restore the image, or import the dataset again',
      });
    }
    known.set(image.sha256, bytes);
    return bytes;
  };
  return (trace) => Promise.all(trace.images.map((image) => one(image, `trace ${trace.id}`)));
}
