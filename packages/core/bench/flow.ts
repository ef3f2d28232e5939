/** What flow control costs: how close calls in flight come to the latency alone, and whether memory stays flat. */
import { setTimeout as latency } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import type { Delivered, Gateway, ServiceCall } from '../src/runtime/index.ts';
import { FORGETFUL, LATENCY_MS, loops, timed } from './load.ts';
import { runtime } from './product.ts';
import { compare, type Row } from './row.ts';

const ROUNDS = 6;
/** Calls of one round, as a multiple of those in flight. */
const TURNS = 50;

const answerSchema = z.object({ text: z.string() });
type Answer = z.infer<typeof answerSchema>;

const DELIVERED: Delivered<Answer> = {
  answer: { text: 'answer' },
  usage: { calls: 1, promptTokens: 10, completionTokens: 2, usd: null },
  quota: null,
};

let asked = 0;

function callOf(send: ServiceCall<string, Answer>['send']): ServiceCall<string, Answer> {
  const number = asked++;
  return {
    stage: 'call/policy',
    model: 'bench',
    content: { model: 'bench', messages: [{ role: 'user', content: `question ${number}` }], seed: number },
    affinity: `problem ${number >> 4}`,
    estimate: { promptTokens: 20, completionTokens: 20 },
    answerSchema,
    send,
  };
}

function gatewayFor(inFlight: number): Gateway<string> {
  const limits = { requestsPerMinute: null, tokensPerMinute: null, maxConcurrency: inFlight };
  const pool = runtime.createReplicaPool([{ name: 'bench', replica: 'bench', weight: 1, ...limits }]);
  return runtime.createGateway({ pool, ledger: FORGETFUL });
}

async function* efficiency(inFlight: number, target: number): AsyncGenerator<Row> {
  const gateway = gatewayFor(inFlight);
  const send = async (): Promise<Delivered<Answer>> => {
    await latency(LATENCY_MS);
    return DELIVERED;
  };
  const call = (): Promise<unknown> => gateway.call(callOf(send));
  const queued = (): Promise<unknown> => Promise.all(Array.from({ length: inFlight * TURNS }, call));
  const ours: number[] = [];
  const oursQueued: number[] = [];
  const sleeps: number[] = [];
  // The adaptive limit finds its height, and the compiler the code, in a round that does not count.
  await queued();
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await timed(() => loops(inFlight, TURNS, call)));
    sleeps.push(await timed(() => loops(inFlight, TURNS, () => latency(LATENCY_MS))));
    oursQueued.push(await timed(queued));
  }
  await gateway.close();
  const work = `${inFlight * TURNS} calls of ${LATENCY_MS} ms, ${inFlight} in flight, in process; gateway and pool, no ledger`;
  const name = `flow efficiency ${inFlight}`;
  const ideal = `calls x ${LATENCY_MS} ms / ${inFlight}`;
  const idealMs = ours.map(() => TURNS * LATENCY_MS);
  const common = { name, tier: 'floor', unit: 'ms', work } as const;
  yield { ...common, subject: 'gateway, called in loops', peer: ideal, ...compare(ours, idealMs), target };
  yield { ...common, subject: 'gateway, all calls at once', peer: ideal, ...compare(oursQueued, idealMs), target };
  yield {
    ...common,
    subject: 'gateway, called in loops',
    peer: 'setTimeout alone, in loops',
    ...compare(ours, sleeps),
  };
  yield { ...common, subject: 'setTimeout alone, in loops', peer: ideal, ...compare(sleeps, idealMs) };
}

function heapMiB(collect: () => void): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** A million calls without latency, 256 in flight, under one signal and one deadline that outlive them all. */
async function memory(calls: number): Promise<Row> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const gateway = gatewayFor(256);
  const { signal } = new AbortController();
  const run = async (count: number): Promise<void> => {
    let left = count;
    const loop = async (): Promise<void> => {
      while (left-- > 0)
        await gateway.call(
          callOf(() => Promise.resolve(DELIVERED)),
          { signal, deadlineMs: 3_600_000 },
        );
    };
    await Promise.all(Array.from({ length: 256 }, loop));
  };
  await run(calls / 10);
  const start = heapMiB(collect);
  const began = performance.now();
  await run(calls / 2);
  const middle = heapMiB(collect);
  await run(calls / 2);
  const seconds = (performance.now() - began) / 1000;
  const end = heapMiB(collect);
  await gateway.close();
  return {
    name: 'flow memory',
    subject: 'heap at the end',
    peer: 'heap at the start',
    tier: 'floor',
    ratio: start / end,
    spread: null,
    subjectMedian: end,
    peerMedian: start,
    unit: 'MiB',
    work: `${calls} calls without latency through gateway and pool, 256 in flight, after ${calls / 10} that do not count`,
    target: 0.95,
    note: `in the middle ${middle.toFixed(2)} MiB; ${Math.round(calls / seconds)} calls a second`,
  };
}

export async function* flowBench(): AsyncGenerator<Row> {
  yield* efficiency(256, 0.95);
  yield* efficiency(1024, 0.9);
  yield await memory(1_000_000);
}
