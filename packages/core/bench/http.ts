/** What is left of the efficiency in flight when the calls go through real HTTP on loopback, to a server in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChatRequest } from '../src/models/endpoints/index.ts';
import { FORGETFUL, LATENCY_MS, loops, timed } from './load.ts';
import { endpoints } from './product.ts';
import { compare, type Row } from './row.ts';

const ROUNDS = 4;
const TURNS = 10;

async function startServer(): Promise<{ url: string; stop: () => void }> {
  const file = fileURLToPath(new URL('./latency-server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: line.toString().trim(), stop: () => child.stdin.end() };
}

let asked = 0;

function question(): ChatRequest {
  const sampling = { temperature: 1, topP: null, topK: null, minP: null, repetitionPenalty: null, maxTokens: 16 };
  return {
    messages: [{ role: 'user', content: [{ type: 'text', text: `question ${asked++}` }] }],
    n: 1,
    seed: asked,
    sampling,
    stop: [],
    continueFinal: false,
    topLogprobs: 0,
    labelTokenIds: null,
    choices: null,
  };
}

async function* efficiency(baseUrl: string, inFlight: number): AsyncGenerator<Row> {
  const config = {
    kind: 'openai-compatible',
    baseUrl: `${baseUrl}/v1`,
    model: 'bench',
    maxConcurrency: inFlight,
  } as const;
  const options = { endpoint: 'bench', env: {}, ledger: FORGETFUL };
  const service = endpoints.openModelService(config, options);
  const images = new Map<string, Uint8Array>();
  const call = (): Promise<unknown> =>
    service.chat(question(), { stage: 'call/policy', affinity: `problem ${asked >> 4}`, images });
  const body = JSON.stringify({ model: 'bench', messages: [{ role: 'user', content: 'question' }] });
  const bare = async (): Promise<unknown> =>
    (await fetch(`${baseUrl}/v1/chat/completions`, { method: 'POST', body })).json();
  const ours: number[] = [];
  const fetches: number[] = [];
  await loops(inFlight, TURNS, call);
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await timed(() => loops(inFlight, TURNS, call)));
    fetches.push(await timed(() => loops(inFlight, TURNS, bare)));
  }
  await service.close();
  const common = {
    name: `http efficiency ${inFlight}`,
    subject: 'model service',
    tier: 'floor',
    unit: 'ms',
    work: `${inFlight * TURNS} chat completions of ${LATENCY_MS} ms, ${inFlight} in flight, over HTTP on loopback`,
  } as const;
  const idealMs = ours.map(() => TURNS * LATENCY_MS);
  yield { ...common, peer: `calls x ${LATENCY_MS} ms / ${inFlight}`, ...compare(ours, idealMs) };
  yield { ...common, peer: 'fetch and JSON.parse alone', ...compare(ours, fetches) };
}

export async function* httpBench(): AsyncGenerator<Row> {
  const server = await startServer();
  try {
    for (const inFlight of [256, 1024]) yield* efficiency(server.url, inFlight);
  } finally {
    server.stop();
  }
}
