import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPrmBundle } from '@vlprm/core/models';
import { applyHead, loadPrm, StepReader } from '@vlprm/core/models/onnx';
import type { Trace } from '@vlprm/core/records';
import { createEvents } from '@vlprm/core/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTraceFeatures, type TraceFeatures } from './features.ts';
import { learnableTraces, PNG, STAND_IN, traceOf } from './fixtures/traces.ts';
import { availableSupervisedSteps, trainFromFeatures, trainPrm, type TrainPrmInput } from './train.ts';

const images = () => Promise.resolve(PNG);
const TRACES = learnableTraces(300, 1);
const OPTIONS = { seed: 3, epochs: 12, batchSize: 64, learningRate: 5e-3 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vlprm-train-'));
});
afterAll(() => rm(folder, { recursive: true }));

function input(fields: Partial<TrainPrmInput> = {}): TrainPrmInput {
  return {
    traces: TRACES,
    images,
    baseDir: STAND_IN,
    out: join(folder, 'prm'),
    options: OPTIONS,
    threads: 1,
    ...fields,
  };
}

const solutionOf = (trace: Trace) => ({
  problem: { id: trace.problemId, question: trace.question },
  images: [PNG],
  steps: trace.steps.map(({ kind, text }) => ({ kind, text })),
});

describe('trainPrm', () => {
  it('learns from labelled traces to find wrong steps in new ones, at the very positions it was trained on', async () => {
    const stages = new Set<string>();
    const events = createEvents();
    events.on('progress', ({ stage }) => stages.add(stage));
    const { manifest } = await trainPrm(input({ events }));
    expect([...stages]).toEqual(['read', 'train']);
    expect(manifest).toMatchObject({ labelRule: 'hybrid', labelSemantics: 'first-error', blind: false, seed: 3 });
    expect(manifest.supervisedSteps).toBe(availableSupervisedSteps(TRACES, OPTIONS));
    expect(manifest.groupsSeen).toHaveLength(150);
    expect(manifest.threshold.chosenOn).toContain('own labels');
    expect(manifest.gateThreshold).toMatchObject({ falseAlarmRate: 0.03 });
    expect(manifest.metrics['validationPerceptionF1']).toBeGreaterThan(0.9);

    const fresh = learnableTraces(60, 2);
    const prm = await loadPrm(join(folder, 'prm'), { threads: 1 });
    const { scores } = await prm.scoreSteps(
      fresh.map((trace) => ({
        ...solutionOf(trace),
        problem: { ...trace, schema: 'vlprm.problem/1', options: null, source: 'test', id: trace.problemId },
      })),
    );
    await prm.close();
    const judged = fresh.flatMap((trace, i) =>
      trace.steps.flatMap(({ label }, step) =>
        label === null ? [] : [{ right: label === 1, p: scores[i]!.probabilities[step]! }],
      ),
    );
    const agreed = judged.filter(({ right, p }) => p >= prm.threshold === right).length;
    expect(agreed / judged.length).toBeGreaterThan(0.95);
  });

  it('stops on a signal and leaves no bundle', async () => {
    await expect(trainPrm(input({ out: join(folder, 'stopped'), signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    await expect(readPrmBundle(join(folder, 'stopped'))).rejects.toMatchObject({ code: 'ERR_FILE_MISSING' });
  });

  it.each<[string, Partial<TrainPrmInput>, string]>([
    ['an image of other bytes', { images: () => Promise.resolve(Uint8Array.of(1)) }, 'ERR_DATASET_INVALID'],
    [
      'no trace that is kept',
      { traces: TRACES.map((t) => ({ ...t, consensus: { ...t.consensus!, kept: false } })) },
      'ERR_DATASET_INVALID',
    ],
    [
      'labels of two meanings',
      { traces: [...TRACES, traceOf('x', [{ label: 1 }], { consensus: null })] },
      'ERR_DATASET_INVALID',
    ],
    ['clean traces alone', { traces: [traceOf('x', [{ label: 1 }])] }, 'ERR_DATASET_INVALID'],
    ['more steps than there are', { options: { ...OPTIONS, limitSupervisedSteps: 1_000_000 } }, 'ERR_RANGE'],
    ['an option out of range', { options: { ...OPTIONS, learningRate: -1 } }, 'ERR_CONFIG'],
    ['a base that is not there', { baseDir: '/nowhere' }, 'ERR_FILE_MISSING'],
  ])('refuses %s', async (_, fields, code) => {
    await expect(trainPrm(input(fields))).rejects.toMatchObject({ code });
  });
});

describe('trainFromFeatures', () => {
  let reader: StepReader;
  let features: TraceFeatures;
  beforeAll(async () => {
    reader = await StepReader.open(STAND_IN, { threads: 1 });
    features = await readTraceFeatures(reader, TRACES, images);
  });
  afterAll(() => reader.close());

  const train = (name: string, options = {}) =>
    trainFromFeatures({
      traces: TRACES,
      features,
      baseDir: STAND_IN,
      out: join(folder, name),
      options: { ...OPTIONS, ...options },
    });

  it('reads a trace once for its steps and its whole solution', () => {
    const texts = new Set(TRACES.map(({ steps }) => steps.map(({ text }) => text).join()));
    expect(features.forwards).toBe(texts.size);
    expect(features.features.length).toBe(TRACES.length * 7 * features.width);
  });

  it('trains on exactly as many steps as asked', async () => {
    const { manifest } = await train('limited', { limitSupervisedSteps: 321 });
    expect(manifest.supervisedSteps).toBe(321);
  });

  it('writes the same head for the same seed', async () => {
    const [a, b] = await Promise.all([train('same-a'), train('same-b')]);
    expect(a.manifest.files['head.safetensors']).toBe(b.manifest.files['head.safetensors']);
    expect(a.manifest.data.sha256).toBe(b.manifest.data.sha256);
  });

  it('scores a reading of its own as the loaded bundle does', async () => {
    await train('shared');
    const bundle = await readPrmBundle(join(folder, 'shared'));
    const rows = await reader.read(TRACES.slice(0, 5).map(solutionOf));
    const prm = await loadPrm(join(folder, 'shared'), { threads: 1 });
    const asked = TRACES.slice(0, 5).map((trace) => ({
      ...solutionOf(trace),
      problem: { ...trace, schema: 'vlprm.problem/1' as const, options: null, source: 'test', id: trace.problemId },
    }));
    const { scores } = await prm.scoreSteps(asked);
    await prm.close();
    applyHead(bundle, rows).forEach(({ probabilities }, i) => expect(probabilities).toEqual(scores[i]!.probabilities));
  });

  it('does not mix blind and sighted features', async () => {
    await expect(train('blind', { blind: true })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  });
});
