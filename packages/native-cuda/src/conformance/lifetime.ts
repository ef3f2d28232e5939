/**
 * What may go wrong around a job in the background, one scenario a process: `lifetime.ts <scenario>` exits with 0 after printing "ok".
 * src/lifetime.test.ts runs them, on the sanitized addon too.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMainThread, MessageChannel, parentPort, Worker } from 'node:worker_threads';
import {
  activeBackend,
  DeviceBuffer,
  mcLabelsAsync,
  memoryUsage,
  stepScore,
  stepScoreAsync,
  type StepScoreInput,
  type StepScoreOutput,
} from '../index.ts';
import { fuzz } from './fuzz.ts';
import { Random } from './random.ts';

const WIDTH = 1024;
/** 32 MiB of rows: a millisecond at least, so that every call here goes to the background. */
const ROWS = 8192;

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function collectGarbage(): void {
  demand(globalThis.gc !== undefined, 'needs node --expose-gc');
  globalThis.gc?.();
}

function input(seed: number): StepScoreInput & { hidden: Float32Array } {
  const random = new Random(seed);
  const hidden = new Float32Array(ROWS * WIDTH);
  hidden.set(random.normals(16 * WIDTH));
  for (let filled = 16 * WIDTH; filled < hidden.length; filled *= 2) hidden.copyWithin(filled, 0, filled);
  return {
    hidden,
    dtype: 'f32',
    width: WIDTH,
    labelRows: { rows: random.normals(2 * WIDTH, 0.05) },
    candidateOffsets: random.cuts(ROWS, 100),
  };
}

function sameScores(actual: StepScoreOutput, expected: StepScoreOutput, what: string): void {
  demand(isDeepStrictEqual(actual, expected), `${what}: other scores than the synchronous call`);
}

/** Starts jobs that nobody waits for, and comes back when they are under way. */
async function leaveJobs(): Promise<void> {
  for (let seed = 0; seed < 4; seed += 1) void stepScoreAsync(input(seed));
  await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A worker of this file that has jobs under way, and its exit code to come. */
async function busyWorker(task: string): Promise<{ worker: Worker; exitCode: Promise<number> }> {
  const program = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}); });`;
  const worker = new Worker(program, { eval: true, argv: [task] });
  const exitCode = new Promise<number>((resolve) => worker.once('exit', resolve));
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { worker, exitCode };
}

const SCENARIOS: Record<string, () => Promise<void>> = {
  /** Many at once, none of their arrays referenced from here, memory collected meanwhile. */
  async collect() {
    const expected = [0, 1, 2, 3].map((seed) => stepScore(input(seed)));
    const jobs = Array.from({ length: 16 }, (_, i) => stepScoreAsync(input(i % 4)));
    const collecting = setInterval(collectGarbage, 1);
    const outputs = await Promise.all(jobs);
    clearInterval(collecting);
    outputs.forEach((output, i) => sameScores(output, expected[i % 4] as StepScoreOutput, `job ${i}`));
  },

  /** The caller gives the rows away while they are read. */
  async transfer() {
    const expected = stepScore(input(1));
    const { port1, port2 } = new MessageChannel();
    const attempts: readonly ((buffer: ArrayBuffer) => void)[] = [
      (buffer) => structuredClone(buffer, { transfer: [buffer] }),
      (buffer) => port1.postMessage(buffer, [buffer]),
      (buffer) => (buffer as { transfer?: () => unknown }).transfer?.(),
    ];
    for (const attempt of attempts) {
      const given = input(1);
      const job = stepScoreAsync(given);
      try {
        attempt(given.hidden.buffer as ArrayBuffer);
      } catch (error) {
        demand((error as Error).name === 'DataCloneError', `transfer failed otherwise: ${String(error)}`);
      }
      collectGarbage();
      sameScores(await job, expected, 'transferred rows');
    }
    port1.close();
    port2.close();
  },

  /** The caller rewrites the indices after they were checked. */
  async indices() {
    const positions = new Int32Array(ROWS);
    const expected = stepScore({ ...input(1), positions });
    const job = stepScoreAsync({ ...input(1), positions });
    positions.fill(2 ** 31 - 1);
    sameScores(await job, expected, 'rewritten positions');
    const outcomes = new Uint8Array(2 ** 24).fill(1);
    const offsets = Int32Array.of(0, 2 ** 24);
    const labels = mcLabelsAsync({ outcomes, offsets });
    offsets.fill(2 ** 31 - 1);
    demand((await labels).correct[0] === 2 ** 24, 'rewritten offsets');
  },

  /** DeviceBuffers that are disposed of or forgotten while jobs read them; all of it is given back in the end. */
  async buffers() {
    const given = input(1);
    const expected = stepScore(given);
    const jobs = Array.from({ length: 8 }, (_, i) => {
      const buffer = DeviceBuffer.from(given.hidden, { backend: 'cpu' });
      const job = stepScoreAsync({ ...given, hidden: buffer });
      if (i % 2 === 0) buffer.dispose();
      return job;
    });
    const collecting = setInterval(collectGarbage, 1);
    for (const output of await Promise.all(jobs)) sameScores(output, expected, 'a buffer');
    for (let rounds = 0; rounds < 200 && memoryUsage().buffers > 0; rounds += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    clearInterval(collecting);
    demand(isDeepStrictEqual(memoryUsage(), { cpuBytes: 0, cudaBytes: 0, buffers: 0 }), 'bytes were kept');
  },

  async badCalls() {
    const { accepted, refused } = await fuzz(new Random(2), 20_000);
    demand(accepted > 0 && refused > 0, 'nothing was tried');
  },

  async abort() {
    const reason = new Error('no longer needed');
    const inputs = [input(0), input(1), input(2)];
    for (let round = 0; round < 4; round += 1) {
      const controller = new AbortController();
      const given = Array.from({ length: 64 }, (_, i) => inputs[i % inputs.length] as StepScoreInput);
      const jobs = given.map((one) => stepScoreAsync(one, { signal: controller.signal }));
      setTimeout(() => controller.abort(reason), round);
      const outcomes = await Promise.allSettled(jobs);
      collectGarbage();
      for (const outcome of outcomes) {
        demand(outcome.status === 'fulfilled' || outcome.reason === reason, 'rejected with another reason');
      }
      demand(outcomes.at(-1)?.status === 'rejected', 'the last job ended before the signal');
    }
  },

  async terminate() {
    const workers = await Promise.all(Array.from({ length: 4 }, () => busyWorker('leave')));
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    const again = await busyWorker('leave');
    await again.worker.terminate();
  },

  async exitInWorker() {
    const workers = await Promise.all(Array.from({ length: 4 }, () => busyWorker('leaveAndExit')));
    const codes = await Promise.all(workers.map(({ exitCode }) => exitCode));
    demand(
      codes.every((code) => code === 0),
      `workers ended with ${codes.join()}`,
    );
  },

  async exitInMain() {
    await leaveJobs();
    process.stdout.write('ok\n', () => process.exit(0));
    await new Promise(() => undefined);
  },

  /** Nothing but the jobs keeps the process alive: it must end after them, and not before. */
  async keepAlive() {
    const scores = await stepScoreAsync(input(0));
    demand(scores.logit.length === ROWS, 'no scores');
  },
};

const TASKS: Record<string, () => Promise<void>> = {
  async leave() {
    await leaveJobs();
    parentPort?.postMessage('under way');
    setInterval(() => void stepScoreAsync(input(0)), 1);
  },
  async leaveAndExit() {
    await leaveJobs();
    parentPort?.postMessage('under way');
    process.exit(0);
  },
};

const name = process.argv[2] ?? '';
const scenario = (isMainThread ? SCENARIOS : TASKS)[name];
if (scenario === undefined) throw new Error(`no such scenario: ${name}; ${Object.keys(SCENARIOS).join(', ')}`);
demand(activeBackend() === 'cpu', 'needs the native addon');
await scenario();
if (isMainThread) process.stdout.write('ok\n');
