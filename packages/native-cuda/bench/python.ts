/** Peers that are Python libraries: one process per peer, which prepares its inputs once and then times samples when asked. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A function of `bench/peers/<module>.py`, e.g. `torch_peers.step_score`, and what it is given. */
export interface PythonCase {
  readonly case: string;
  readonly parameters: { readonly threads: number } & Readonly<Record<string, number | string | boolean>>;
}

export interface PythonEnvironment {
  /** Interpreter, or why there is none. */
  readonly python: string | { readonly reason: string };
  /** Versions of the libraries that were measured are added here. */
  readonly versions: Record<string, string>;
}

const SERVER = fileURLToPath(new URL('peers/peers.py', import.meta.url));
const LOCAL = fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url));
const PREPARE_MS = 180_000;
const TURN_MS = 60_000;

/** The interpreter that was named, else VLPRM_PYTHON, else `.venv`. */
export function findPython(named: string | undefined): PythonEnvironment['python'] {
  const variable = process.env['VLPRM_PYTHON'];
  const chosen = named ?? (variable === undefined || ['', 'required'].includes(variable) ? LOCAL : variable);
  return existsSync(chosen) ? chosen : { reason: `no Python at ${named ?? variable ?? '.venv'}; --python names one` };
}

type Reply = { reason: string } | { versions: Record<string, string> } | { ms: number[] };

class PythonPeer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(python: string, { case: name, parameters }: PythonCase) {
    const threads = String(parameters.threads);
    this.#child = spawn(python, [SERVER, 'serve', name, JSON.stringify(parameters)], {
      env: {
        ...process.env,
        OMP_NUM_THREADS: threads,
        OPENBLAS_NUM_THREADS: threads,
        MKL_NUM_THREADS: threads,
      },
    });
    this.#child.on('error', (error) => (this.#errors += error.message));
    this.#child.stdin.on('error', (error) => (this.#errors += error.message));
    this.#child.stderr.on('data', (text: Buffer) => (this.#errors = (this.#errors + text.toString()).slice(-2000)));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async reply(milliseconds: number): Promise<Reply> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), milliseconds);
    const line = (await this.#lines.next()) as IteratorResult<string, undefined>;
    clearTimeout(timer);
    if (line.done === true)
      throw new Error(this.#errors.trim().split('\n').at(-1) ?? 'the Python peer ended without a word');
    return JSON.parse(line.value) as Reply;
  }

  async turn(count: number): Promise<readonly number[]> {
    this.#child.stdin.write(`${count}\n`);
    const reply = await this.reply(TURN_MS);
    if ('ms' in reply) return reply.ms;
    throw new Error('reason' in reply ? reply.reason : 'the Python peer answered out of turn');
  }

  close(): void {
    this.#child.stdin.end();
  }
}

/** A prepared peer, or why it cannot be measured. */
export async function startPython(
  wanted: PythonCase,
  { python, versions }: PythonEnvironment,
): Promise<PythonPeer | { readonly reason: string }> {
  if (typeof python !== 'string') return python;
  const peer = new PythonPeer(python, wanted);
  try {
    const reply = await peer.reply(PREPARE_MS);
    if ('versions' in reply) {
      Object.assign(versions, reply.versions);
      return peer;
    }
    peer.close();
    return { reason: 'reason' in reply ? reply.reason : 'the Python peer answered out of turn' };
  } catch (error) {
    peer.close();
    return { reason: (error as Error).message };
  }
}
