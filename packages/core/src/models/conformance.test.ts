import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { stepHeadSize } from '@vlprm/native-cuda';
import { createRandom, seedFrom } from '../runtime/random.ts';
import {
  createScriptedJudge,
  createScriptedPolicy,
  JUDGE_BEHAVIOURS,
  judgeBrain,
  POLICY_BEHAVIOURS,
  policyBrain,
  prefixPrm,
  PRM_BEHAVIOURS,
  prmBrain,
  solutionOf,
  startModelServer,
  TINY_PNG,
  TRICKY_STEPS,
  type Behaviour,
  type Brain,
  type OpenOptions,
  type ServerDialect,
  type Subject,
} from '../testing/index.ts';
import { withStepScoreCache } from './cached-prm.ts';
import { endpointSchema, type EndpointConfigInput, type PrmReading } from './endpoints/endpoint-config.ts';
import { open } from './endpoints/fixtures/requests.ts';
import { createEndpointJudge, createEndpointPolicy, createEndpointPrm } from './endpoints/index.ts';
import type { ModelService } from './endpoints/model-service.ts';
import { picture, QUESTION, STAND_IN, STEPS } from './fixtures/stand-in.ts';
import { imageHash } from './image.ts';
import { loadPrm } from './onnx/prm.ts';
import type { Judge, Policy, ProcessRewardModel } from './ports.ts';
import { writePrmBundle } from './prm-bundle.ts';
import { createStepScoreCache } from './step-score-cache.ts';

const HEAD = {
  inputSize: 28,
  hiddenSize: 4,
  parameters: Float32Array.from({ length: stepHeadSize(28, 4) }, (_, i) => Math.sin(7 * i) / 2),
};
const BUNDLE: Parameters<typeof writePrmBundle>[1] = {
  name: 'test',
  labelSemantics: 'first-error',
  labelRule: 'hybrid',
  aggregation: 'mean',
  threshold: { value: 0.5, chosenOn: 'validation' },
  gateThreshold: null,
  temperature: 2,
  blind: false,
  metrics: {},
  supervisedSteps: 1,
  data: { sha256: null, licenses: [] },
  groupsSeen: [],
  seed: 0,
  versions: {},
};

const DIALECTS: readonly ServerDialect[] = ['vllm', 'sglang', 'openai', 'azure', 'llama.cpp', 'ollama'];
const otherImage = Buffer.concat([TINY_PNG, Buffer.from([0])]);
const SHORT_STEPS = TRICKY_STEPS.slice(1, 3);
const TEXTS = {
  solutions: [
    solutionOf(TRICKY_STEPS, { id: 'a', question: 'How many?' }),
    solutionOf(SHORT_STEPS, { id: 'b', question: 'Which colour?' }),
  ],
  tricky: solutionOf(TRICKY_STEPS, { id: 'c', question: '¿Cuántos + y - hay?\n1 < 2 & "三"' }),
  otherImage,
  tolerance: 1e-6,
};

/** A worked solution that follows from question and image, gone on with after a prefix. */
const scriptedPolicy = (options: OpenOptions): Policy =>
  createScriptedPolicy({
    ...options,
    script: ({ problem, images, steps }) => {
      const random = createRandom(seedFrom(problem.question, imageHash(images[0]!)));
      const worked = [...TRICKY_STEPS, { kind: 'reasoning' as const, text: `so ${random.int(1e9)} + 1 of "三"` }];
      return { steps: worked.slice(steps.length), finalAnswer: String(random.int(1e9)) };
    },
  });
/** Finds the first step wrong, under another image than the one of the solutions none. */
const scriptedJudge = (options: OpenOptions): Judge =>
  createScriptedJudge({
    ...options,
    script: ({ images }) => (imageHash(images[0]!) === imageHash(TINY_PNG) ? 1 : null),
  });

const BATCHES = { batch: { pollSeconds: 0.002, quietSeconds: 0.02 } };
const TAGS = { capabilities: { jsonSchema: false } };
/** A judge that keeps to the form only when it is asked once more: it answers for other steps, stops short, or rambles. */
const slipping = (brain: Brain): Brain => ({
  write: async (request) => {
    const texts = await brain.write(request);
    if (request.temperature !== 0) return texts;
    const slip = seedFrom(request.messages.at(-1)?.text ?? '') % 3;
    return texts.map((text) => {
      if (slip === 0) return text.replaceAll('analysis_1_', 'analysis_99_');
      if (slip === 1) return text.slice(0, -20);
      return 'Looks good to me.';
    });
  },
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

type Open<Model> = (options: OpenOptions) => Promise<Subject<Model>>;

/** A model behind a loopback server. */
function served<Model>(
  dialect: ServerDialect,
  brain: Brain,
  over: (service: ModelService) => Model,
  config: Partial<EndpointConfigInput> = {},
): Open<Model> {
  return async ({ delayMs }) => {
    const server = await startModelServer({ dialect, brain, ...(delayMs === undefined ? {} : { latencyMs: delayMs }) });
    const service = open({ kind: dialect, baseUrl: server.url, model: 'tiny-vl', ...config });
    return {
      ...TEXTS,
      model: over(service),
      busy: () => until(() => server.inFlight > 0),
      idle: () => until(() => server.inFlight === 0),
      abandoned: () => server.requests.length > 0 && server.requests.every(({ abandoned }) => abandoned),
      close: async () => {
        await service.close();
        await server.close();
      },
    };
  };
}

const inProcess =
  <Model>(make: (options: OpenOptions) => Model): Open<Model> =>
  async (options) => ({ ...TEXTS, model: make(options), close: async () => undefined });

const opened: Subject<unknown>[] = [];
afterEach(async () => {
  for (const subject of opened.splice(0)) await subject.close();
});

function conforms<Model>(behaviours: readonly Behaviour<Model>[], openModel: Open<Model>): void {
  it.each(behaviours.map((behaviour) => [behaviour.name, behaviour] as const))('%s', async (_, behaviour) => {
    const subject = await openModel(behaviour.options ?? {});
    opened.push(subject);
    await behaviour.check(subject);
  });
}

describe('policies', () => {
  describe('in process', () => conforms(POLICY_BEHAVIOURS, inProcess(scriptedPolicy)));
  describe.each(DIALECTS)('behind %s', (dialect) => {
    conforms(
      POLICY_BEHAVIOURS,
      served(dialect, policyBrain(scriptedPolicy({})), (service) => createEndpointPolicy(service)),
    );
  });
});

describe('judges', () => {
  describe('in process', () => conforms(JUDGE_BEHAVIOURS, inProcess(scriptedJudge)));
  const quick = JUDGE_BEHAVIOURS.filter(({ options }) => options?.delayMs === undefined);
  const endpointJudge = (service: ModelService): Judge => createEndpointJudge(service);
  describe.each(DIALECTS)('behind %s', (dialect) => {
    conforms(JUDGE_BEHAVIOURS, served(dialect, judgeBrain(scriptedJudge({})), endpointJudge));
  });
  describe.each(['vllm', 'ollama'] as const)('behind %s, in tags', (dialect) => {
    conforms(quick, served(dialect, judgeBrain(scriptedJudge({})), endpointJudge, TAGS));
  });
  describe('behind vllm, and each first answer cannot be read', () => {
    conforms(quick, served('vllm', slipping(judgeBrain(scriptedJudge({}))), endpointJudge, TAGS));
  });
  describe.each(['openai', 'azure'] as const)('behind the batch API of %s, slipping one time in two', (dialect) => {
    conforms(quick, served(dialect, slipping(judgeBrain(scriptedJudge({}))), endpointJudge, { ...TAGS, ...BATCHES }));
  });
});

describe('PRMs', () => {
  const READINGS: readonly (readonly [ServerDialect, PrmReading])[] = [
    ...DIALECTS.map((dialect) => [dialect, 'chat-token'] as const),
    ['vllm', 'prompt-logprobs'],
    ['vllm', 'pooling'],
    ['sglang', 'token-ids'],
  ];
  const endpointPrm = (dialect: ServerDialect, reading: PrmReading) => (service: ModelService) =>
    createEndpointPrm(
      service,
      endpointSchema.parse({ kind: dialect, baseUrl: 'http://h', model: 'm', prm: { reading } }),
    );

  describe('in process', () => conforms(PRM_BEHAVIOURS, inProcess(prefixPrm)));
  describe.each(READINGS)('behind %s, read by %s', (dialect, reading) => {
    conforms(PRM_BEHAVIOURS, served(dialect, prmBrain(prefixPrm()), endpointPrm(dialect, reading)));
  });

  describe('of ONNX Runtime', () => {
    let folder: string;
    let subject: Omit<Subject<ProcessRewardModel>, 'model' | 'close'>;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'vlprm-conformance-'));
      const [image, other] = await Promise.all([1, 2].map(picture));
      const solutions = [STEPS, STEPS.slice(0, 2)].map((steps, index) =>
        solutionOf(steps, { id: String(index), question: QUESTION, image: image! }),
      );
      subject = { solutions, tricky: null, otherImage: other!, tolerance: 2e-5 };
      await writePrmBundle(folder, BUNDLE, HEAD, STAND_IN);
    });
    afterAll(() => rm(folder, { recursive: true }));

    const quick = PRM_BEHAVIOURS.filter(({ options }) => options?.delayMs === undefined);
    const load = async (): Promise<Subject<ProcessRewardModel>> => {
      const model = await loadPrm(folder, { threads: 1 });
      return { ...subject, model, close: () => model.close() };
    };
    describe('alone', () => conforms(quick, load));
    describe('with a cache of step scores', () =>
      conforms(quick, async () => {
        const loaded = await load();
        const cache = createStepScoreCache();
        return { ...loaded, model: withStepScoreCache(loaded.model, cache, { identity: 'bundle', temperature: 2 }) };
      }));
  });
});
