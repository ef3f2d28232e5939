import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { PROBLEM_SCHEMA, type Step } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import type { Solution } from './ports.ts';
import type { StepReading } from './step-reading.ts';
import { createStepScoreCache, prefixKeys, type KnownReadings } from './step-score-cache.ts';

const readingOf = (key: string): StepReading => ({ logit: key.length + key.charCodeAt(0), mass: 0.5, bound: 0 });

/** Reads through the cache and notes what had to be read; each read takes `turns` turns of the event loop. */
function observed(known: KnownReadings, turns = 1) {
  const asked: string[][] = [];
  const through = (keys: readonly string[], signal?: AbortSignal) =>
    known.through(
      keys,
      async (places) => {
        const unread = places.map((place) => keys[place]!);
        asked.push(unread);
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        signal?.throwIfAborted();
        return unread.map(readingOf);
      },
      signal,
    );
  return { asked, through };
}

const keyLists = fc.array(fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'), { maxLength: 6 }), {
  maxLength: 12,
});

describe('a step-score cache', () => {
  test.prop([keyLists, fc.nat(3), fc.constantFrom(320, 640, 64_000)])(
    'changes no reading, whatever the order and overlap of requests and however small it is',
    async (lists, turns, maxBytes) => {
      const { through } = observed(createStepScoreCache({ maxBytes }).tenant('t'), turns);
      const results = await Promise.all(
        lists.map(async (keys, index) => {
          for (let turn = 0; turn < index % 4; turn++) await new Promise(setImmediate);
          return through(keys);
        }),
      );
      expect(results).toEqual(lists.map((keys) => keys.map(readingOf)));
    },
  );

  test.prop([keyLists])('reads every key once while there is room', async (lists) => {
    const { asked, through } = observed(createStepScoreCache().tenant('t'));
    await Promise.all(lists.map((keys) => through(keys)));
    expect(asked.flat().sort()).toEqual([...new Set(lists.flat())].sort());
  });

  it('holds no more than its share', async () => {
    const { asked, through } = observed(createStepScoreCache({ maxBytes: 3 * 320 }).tenant('t'));
    await through(['a', 'b', 'c', 'd']);
    await through(['b', 'c', 'd']);
    expect(asked).toEqual([['a', 'b', 'c', 'd']]);
    await through(['a']);
    expect(asked).toHaveLength(2);
  });

  it('shows a tenant nothing of another, and lets none push out another', async () => {
    const cache = createStepScoreCache({ maxBytes: 2 * 3 * 320, tenantBytes: 3 * 320 });
    const [one, other] = [observed(cache.tenant('one')), observed(cache.tenant('other'))];
    await one.through(['a']);
    await other.through(['a', ...Array.from({ length: 100 }, (_, i) => `k${i}`)]);
    expect(other.asked[0]).toContain('a');
    await observed(cache.tenant('one')).through(['a']);
    expect(one.asked).toEqual([['a']]);
  });

  it('does not let one tenant wait for what another reads', async () => {
    const cache = createStepScoreCache({ tenantBytes: 320, maxBytes: 640 });
    const never = cache.tenant('one').through(['a'], () => new Promise(() => undefined));
    await expect(Promise.race([never, observed(cache.tenant('other')).through(['a'])])).resolves.toEqual([
      readingOf('a'),
    ]);
  });

  it('gives the place of the tenant seen longest ago to one more', async () => {
    const cache = createStepScoreCache({ maxBytes: 640, tenantBytes: 320 });
    for (const name of ['one', 'two', 'one', 'three']) await observed(cache.tenant(name)).through(['a']);
    const [one, two] = [observed(cache.tenant('one')), observed(cache.tenant('two'))];
    await one.through(['a']);
    await two.through(['a']);
    expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
  });

  it('shares a failure with those who wait for it, and keeps it for nobody else', async () => {
    const known = createStepScoreCache().tenant('t');
    const fail = (): Promise<never> => Promise.reject(new VlprmError('ERR_MODEL_FAILED', 'down'));
    const both = await Promise.allSettled([known.through(['a', 'b'], fail), observed(known).through(['a'])]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(observed(known).through(['a', 'b'])).resolves.toHaveLength(2);
  });

  it('reads again what an interrupted caller was reading', async () => {
    const known = createStepScoreCache().tenant('t');
    const controller = new AbortController();
    const interrupted = known.through(
      ['a'],
      () =>
        new Promise((_, reject) => {
          controller.signal.addEventListener('abort', () => reject(new VlprmError('ERR_ABORTED', 'interrupted')));
        }),
      controller.signal,
    );
    const waiting = observed(known);
    const result = waiting.through(['a', 'bb']);
    controller.abort();
    await expect(interrupted).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await expect(result).resolves.toEqual([readingOf('a'), readingOf('bb')]);
    expect(waiting.asked).toEqual([['bb'], ['a']]);
  });

  it('stops waiting when the waiting caller is interrupted', async () => {
    const known = createStepScoreCache().tenant('t');
    void known.through(['a'], () => new Promise(() => undefined));
    const controller = new AbortController();
    const waiting = observed(known).through(['a'], controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it.each([{ maxBytes: 100 }, { maxBytes: 1000, tenantBytes: 2000 }, { maxBytes: Number.NaN }])(
    'refuses %o',
    (options) => {
      expect(() => createStepScoreCache(options)).toThrow(expect.objectContaining({ code: 'ERR_RANGE' }) as Error);
    },
  );
});

describe('prefixKeys', () => {
  const step = fc.record({
    kind: fc.constantFrom('perception' as const, 'reasoning' as const, null),
    text: fc.string(),
  });
  const solution = (steps: readonly Step[], question = 'q', image = 1): Solution => ({
    problem: { schema: PROBLEM_SCHEMA, id: 'p', groupId: 'g', images: [], question, options: null, source: 's' },
    images: [Uint8Array.of(image)],
    steps,
  });

  test.prop([fc.array(step, { minLength: 1 }), fc.nat()])(
    'are the same for the same prefix, whatever follows',
    (steps, cut) => {
      const count = cut % (steps.length + 1);
      expect(prefixKeys('m', solution(steps.slice(0, count)))).toEqual(
        prefixKeys('m', solution(steps)).slice(0, count),
      );
    },
  );

  test.prop([fc.array(step, { minLength: 2, maxLength: 5 })])(
    'differ with model, question, image and earlier steps',
    (steps) => {
      const [first, ...rest] = steps;
      const keys = [
        prefixKeys('m', solution(steps)),
        prefixKeys('n', solution(steps)),
        prefixKeys('m', solution(steps, 'r')),
        prefixKeys('m', solution(steps, 'q', 2)),
        prefixKeys('m', solution([{ ...first!, text: `${first!.text}.` }, ...rest])),
      ].flat();
      expect(new Set(keys).size).toBe(keys.length);
    },
  );
});
