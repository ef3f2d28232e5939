import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Solution } from '@vlprm/core';
import type { ImageRef, Trace } from '@vlprm/core/records';
import { fileError, sha256, VlprmError } from '@vlprm/core/runtime';
import { readProcessBench, readTracesJsonl, readVisualProcessBench } from '@vlprm/data/formats';

/** How the file of each suite is read. */
const READERS = {
  traces: readTracesJsonl,
  visualprocessbench: readVisualProcessBench,
  processbench: readProcessBench,
} as const;

/** Traces of a JSONL file in memory, canonical or in a suite's own form. Errors name `file:line`; an empty file is ERR_DATASET_INVALID. */
export async function readTraceFile(file: string, form: keyof typeof READERS = 'traces'): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const trace of READERS[form](file)) traces.push(trace);
  if (traces.length > 0) return traces;
  throw new VlprmError('ERR_DATASET_INVALID', 'the file holds no trace', {
    where: file,
    fix: 'give one vlprm.trace/1 object a line',
  });
}

async function readNamedImage(path: string, { sha256: expected }: ImageRef, where: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw fileError(path, cause);
  }
  if (sha256(bytes) === expected) return bytes;
  throw new VlprmError('ERR_DATASET_INVALID', `the image ${path} is not the one that the trace names`, {
    where,
    fix: 'restore the image',
  });
}

/** A trace as a model is shown it: its steps without their evidence, its question without the answer. */
export async function solutionOf(trace: Trace, bytesOf: (image: ImageRef) => Promise<Uint8Array>): Promise<Solution> {
  const images: Uint8Array[] = [];
  for (const image of trace.images) images.push(await bytesOf(image));
  const { problemId: id, groupId, question, provenance } = trace;
  return {
    problem: {
      schema: 'vlprm.problem/1',
      id,
      groupId,
      images: trace.images,
      question,
      options: null,
      source: provenance.source,
    },
    images,
    steps: trace.steps.map(({ kind, text }) => ({ kind, text })),
  };
}

/** Solutions of traces with the bytes of their images; paths are relative to the trace file, each file is read once. */
export async function solutionsOf(file: string, traces: readonly Trace[]): Promise<Solution[]> {
  const known = new Map<string, Uint8Array>();
  const folder = dirname(file);
  const load = async (image: ImageRef, trace: Trace): Promise<Uint8Array> => {
    const path = resolve(folder, image.path);
    const bytes = known.get(path) ?? (await readNamedImage(path, image, `trace ${trace.id}`));
    known.set(path, bytes);
    return bytes;
  };
  const solutions: Solution[] = [];
  for (const trace of traces) solutions.push(await solutionOf(trace, (image) => load(image, trace)));
  return solutions;
}
