import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createInProcessEngine } from './job-engine.ts';
import type { Job, JobResult } from './job-engine.ts';

const engine = createInProcessEngine();
const jobs = (count: number): Job<number>[] => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, input: i }));
const outputs = (results: JobResult<number>[]): number[] =>
  results.flatMap((result) => (result.ok ? [result.output] : [])).sort((a, b) => a - b);

/** All items of an async iterable (`Array.fromAsync` needs Node 22). */
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('createInProcessEngine', () => {
  it('runs every job once, no more at a time than asked', async () => {
    let inFlight = 0;
    let most = 0;
    const results = await collect(
      engine.run(
        jobs(20),
        async (input) => {
          inFlight += 1;
          most = Math.max(most, inFlight);
          await sleep((input * 7) % 5);
          inFlight -= 1;
          return input * 10;
        },
        { concurrency: 3 },
      ),
    );
    expect(outputs(results)).toEqual(jobs(20).map(({ input }) => input * 10));
    expect(new Set(results.map(({ key }) => key)).size).toBe(20);
    expect(most).toBe(3);
  });

  it('yields what is done first, first', async () => {
    const results = await collect(
      engine.run(jobs(2), async (input) => sleep(input === 0 ? 50 : 1, input), { concurrency: 2 }),
    );
    expect(results.map(({ key }) => key)).toEqual(['k1', 'k0']);
  });

  it('reports a failure as a failure and goes on', async () => {
    const results = await collect(
      engine.run(
        jobs(4),
        async (input) => {
          if (input === 1) throw new Error('call failed');
          return input;
        },
        { concurrency: 1 },
      ),
    );
    expect(results[1]).toEqual({ key: 'k1', ok: false, error: new Error('call failed') });
    expect(outputs(results)).toEqual([0, 2, 3]);
  });

  it('takes jobs only as places become free', async () => {
    let taken = 0;
    const source = function* (): Generator<Job<number>> {
      for (const job of jobs(100)) {
        taken += 1;
        yield job;
      }
    };
    for await (const result of engine.run(source(), async (input) => input, { concurrency: 4 })) {
      expect(result.ok).toBe(true);
      break;
    }
    expect(taken).toBeLessThanOrEqual(8);
  });

  it('keeps what was finished when it is aborted, and begins nothing more', async () => {
    const controller = new AbortController();
    const begun: number[] = [];
    const kept: JobResult<number>[] = [];
    const reading = (async () => {
      const work = async (input: number, signal: AbortSignal): Promise<number> => {
        begun.push(input);
        if (input === 2) controller.abort(new Error('Ctrl-C'));
        if (input === 1) await sleep(10_000, undefined, { signal });
        return input;
      };
      const options = { concurrency: 3, signal: controller.signal };
      for await (const result of engine.run(jobs(9), work, options)) kept.push(result);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(begun).toEqual([0, 1, 2]);
    expect(outputs(kept)).toEqual([0, 2]);
    expect(kept.every(({ ok }) => ok)).toBe(true);
  });

  it('stops the work in flight when the consumer leaves', async () => {
    let stopped = false;
    const work = async (input: number, signal: AbortSignal): Promise<number> => {
      if (input === 1) {
        await sleep(10_000, undefined, { signal }).catch(() => {
          stopped = true;
        });
      }
      return input;
    };
    for await (const result of engine.run(jobs(2), work, { concurrency: 2 })) {
      expect(result.key).toBe('k0');
      break;
    }
    expect(stopped).toBe(true);
  });

  it('does nothing when it is aborted before it begins, or has no jobs', async () => {
    const run = engine.run(jobs(3), async (input) => input, { concurrency: 1, signal: AbortSignal.abort() });
    await expect(collect(run)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(await collect(engine.run([], async () => 0, { concurrency: 2 }))).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a concurrency of %s', async (concurrency) => {
    await expect(collect(engine.run(jobs(1), async () => 0, { concurrency }))).rejects.toMatchObject({
      code: 'ERR_RANGE',
    });
  });
});

describe('jobs from an asynchronous source', () => {
  async function* numbered(count: number, onTaken: (i: number) => void = () => undefined): AsyncGenerator<Job<number>> {
    for (const job of jobs(count)) {
      await sleep(1);
      onTaken(job.input);
      yield job;
    }
  }

  it('are all run, no more at a time than asked, and taken as places become free', async () => {
    let taken = 0;
    let ended = 0;
    let mostAhead = 0;
    const source = numbered(30, () => {
      taken += 1;
      mostAhead = Math.max(mostAhead, taken - ended);
    });
    const work = async (input: number): Promise<number> => sleep((input * 7) % 5, input);
    const results: JobResult<number>[] = [];
    for await (const result of engine.run(source, work, { concurrency: 3 })) {
      ended += 1;
      results.push(result);
    }
    expect(outputs(results)).toEqual(jobs(30).map(({ input }) => input));
    expect(mostAhead).toBeLessThanOrEqual(6);
  });

  it('a source that throws ends the run with its error, and what is in flight is waited for', async () => {
    let waited = false;
    async function* broken(): AsyncGenerator<Job<number>> {
      yield* jobs(1);
      await sleep(1);
      throw new Error('the disk is gone');
    }
    const work = async (input: number, signal: AbortSignal): Promise<number> => {
      await sleep(10_000, undefined, { signal }).catch(() => sleep(5));
      waited = true;
      return input;
    };
    await expect(collect(engine.run(broken(), work, { concurrency: 2 }))).rejects.toThrow('the disk is gone');
    expect(waited).toBe(true);
  });

  it('are left when the signal fires, and the source is closed', async () => {
    const controller = new AbortController();
    let closed = false;
    async function* source(): AsyncGenerator<Job<number>> {
      try {
        yield* numbered(100);
      } finally {
        closed = true;
      }
    }
    const work = async (input: number): Promise<number> => {
      if (input === 3) controller.abort();
      return input;
    };
    const run = engine.run(source(), work, { concurrency: 1, signal: controller.signal });
    await expect(collect(run)).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(closed).toBe(true);
  });
});
