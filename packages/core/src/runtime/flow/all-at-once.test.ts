import { describe, expect, it } from 'vitest';
import { VlprmError } from '../errors.ts';
import { allAtOnce } from './all-at-once.ts';
import { sleep } from './abort.ts';

const failing = (code: 'ERR_BUDGET' | 'ERR_AUTH') => {
  const ended: string[] = [];
  const done = allAtOnce(['slow', 'throws', 'throws again'], undefined, async (item, signal) => {
    if (item !== 'slow') throw new VlprmError(code, item);
    await sleep(5, signal).catch(() => ended.push('aborted'));
    ended.push(item);
  });
  return { done, ended };
};

describe('all at once', () => {
  it('gives results in the order of the items', async () => {
    const work = async (ms: number): Promise<number> => sleep(ms).then(() => -ms);
    expect(await allAtOnce([3, 1, 2], undefined, work)).toEqual([-3, -1, -2]);
  });

  it('lets what is in flight end when the budget is spent', async () => {
    const { done, ended } = failing('ERR_BUDGET');
    await expect(done).rejects.toMatchObject({ code: 'ERR_BUDGET', message: 'throws' });
    expect(ended).toEqual(['slow']);
  });

  it('aborts what is in flight at any other error', async () => {
    const { done, ended } = failing('ERR_AUTH');
    await expect(done).rejects.toMatchObject({ code: 'ERR_AUTH', message: 'throws' });
    await sleep(1);
    expect(ended).toEqual(['aborted', 'slow']);
  });

  it('aborts when its signal does', async () => {
    const controller = new AbortController();
    const done = allAtOnce([1], controller.signal, (_, signal) => sleep(60_000, signal));
    controller.abort(new VlprmError('ERR_ABORTED', 'enough'));
    await expect(done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});
