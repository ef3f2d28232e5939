import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@vlprm/core/runtime';
import Database from 'libsql';

export interface KilledCallsOptions {
  readonly ledgerPath: string;
  readonly calls: number;
  /** Most requests at once. */
  readonly inFlight: number;
  readonly kills: number;
  readonly seed: number;
}

export interface KilledCalls {
  readonly kills: number;
  /** Requests that the service got, beyond one for each call. */
  readonly repeated: number;
  /** Calls that were answered to the caller before a kill and asked of the service again after it: none may be. */
  readonly repeatedAfterAnswer: number;
  /** Requests whose answer had not been handed out, because it had not come or was not stored, summed over the kills. */
  readonly inFlightAtKills: number;
  /** Answers of the last run, by number. */
  readonly answers: ReadonlyMap<number, number>;
  readonly storedCalls: number;
  /** SQLite's own check of the file: `ok`. */
  readonly integrity: string;
}

const SCRIPT = fileURLToPath(new URL('./call-numbers.ts', import.meta.url));

/** Squares numbers after 1 to 5 ms; tells each request before it answers. */
async function serveSquares(random: { int(n: number): number }, onRequest: (number: number) => void) {
  const server = createServer((request, response) => {
    const number = Number(request.url?.slice(1));
    onRequest(number);
    setTimeout(() => response.end(JSON.stringify({ square: number ** 2 })), 1 + random.int(5));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function checkFile(path: string): { storedCalls: number; integrity: string } {
  const database = new Database(path);
  const [storedCalls] = database.prepare('SELECT count(*) FROM entries').raw().get() as [number];
  const [integrity] = database.prepare('PRAGMA integrity_check').raw().get() as [string];
  database.close();
  return { storedCalls, integrity };
}

/**
 * Makes calls in a child process that is killed with SIGKILL again and again, each time after a random number of requests,
 * and started anew, until it comes to its end.
 */
export async function killCalls(options: KilledCallsOptions): Promise<KilledCalls> {
  const { ledgerPath, calls, inFlight, kills, seed } = options;
  const random = createRandom(seed);
  const answered = new Set<number>();
  let life = { requests: new Set<number>(), answers: new Map<number, number>(), killAfter: Infinity };
  let onLimit = (): void => undefined;
  let requests = 0;
  let repeatedAfterAnswer = 0;
  let inFlightAtKills = 0;
  const service = await serveSquares(random, (number) => {
    requests += 1;
    if (answered.has(number)) repeatedAfterAnswer += 1;
    life.requests.add(number);
    if (life.requests.size >= life.killAfter) onLimit();
  });

  const live = async (killAfter: number): Promise<void> => {
    life = { requests: new Set(), answers: new Map(), killAfter };
    const args = ['--conditions=@vlprm/source', '--import', 'tsx', SCRIPT, service.url, ledgerPath];
    const child = spawn(process.execPath, [...args, String(calls), String(inFlight)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onLimit = () => void child.kill('SIGKILL');
    for await (const line of createInterface(child.stdout)) {
      const [number, square] = line.split(' ').map(Number);
      life.answers.set(number!, square!);
    }
    for (const number of life.answers.keys()) answered.add(number);
    inFlightAtKills += [...life.requests].filter((number) => !answered.has(number)).length;
  };
  try {
    for (let kill = 0; kill < kills; kill++) await live(1 + random.int(Math.floor(calls / kills)));
    await live(Infinity);
  } finally {
    service.close();
  }
  const { answers } = life;
  const repeated = requests - calls;
  return { kills, repeated, repeatedAfterAnswer, inFlightAtKills, answers, ...checkFile(ledgerPath) };
}
