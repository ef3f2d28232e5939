import type { EventOf } from '@vlprm/core/runtime';
import { describe, expect, it } from 'vitest';
import { ProgressDisplay } from './progress.ts';

type Progress = EventOf<'progress'>;

function progress(done: number, total: number | null, elapsedSeconds: number, etaSeconds: number | null): Progress {
  const perSecond = elapsedSeconds === 0 ? null : done / elapsedSeconds;
  return { type: 'progress', stage: 'score', done, total, elapsedSeconds, perSecond, etaSeconds };
}

function display(options: { silent?: boolean; isTTY?: boolean } = {}) {
  const clock = { ms: 0 };
  const lines: string[] = [];
  const sink = { write: (text: string) => lines.push(text), isTTY: options.isTTY ?? false };
  const shown = new ProgressDisplay(sink, { silent: options.silent ?? false, now: () => clock.ms, lineEveryMs: 1000 });
  return { clock, lines, shown };
}

describe('ProgressDisplay without a terminal', () => {
  it('writes a line when there is something to say, and not more often than asked', () => {
    const { clock, lines, shown } = display();
    shown.update(progress(0, 10, 0, null));
    shown.update(progress(1, 10, 2, 18));
    clock.ms = 500;
    shown.update(progress(2, 10, 4, 16));
    clock.ms = 1500;
    shown.update(progress(5, 10, 75, 75));
    shown.update(progress(10, 10, 150, 0));
    shown.update(progress(10, 10, 151, 0));
    expect(lines).toEqual([
      'score: 1/10 (10%), 30/min, about 18 s left\n',
      'score: 5/10 (50%), 4.0/min, about 1 min 15 s left\n',
      'score: 10/10 in 2 min 30 s\n',
    ]);
  });

  it('gives no estimate before there is a pace', () => {
    const { lines, shown } = display();
    shown.update(progress(1, 10, 0.2, 1.8));
    expect(lines).toEqual(['score: 1/10 (10%)\n']);
  });

  it('counts what has no known end', () => {
    const { lines, shown } = display();
    shown.update(progress(1, null, 0.1, null));
    shown.update(progress(700, null, 6, null));
    expect(lines).toEqual(['score: 700 so far, 117/s\n']);
  });

  it('tells what was spent, as far as it is known', () => {
    const { lines, shown, clock } = display();
    const usage = { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 };
    shown.showCost(() => usage);
    shown.update(progress(1, 10, 2, 18));
    Object.assign(usage, { calls: 12, promptTokens: 9000, completionTokens: 345, usd: 0.126 });
    clock.ms = 2000;
    shown.update(progress(2, 10, 4, 16));
    Object.assign(usage, { promptTokens: null, usd: null });
    shown.update(progress(10, 10, 20, 0));
    expect(lines).toEqual([
      'score: 1/10 (10%), 30/min, about 18 s left\n',
      'score: 2/10 (20%), 30/min, about 16 s left, 12 calls, 9\u202f345 tokens, 0.13 USD\n',
      'score: 10/10 in 20 s, 12 calls\n',
    ]);
  });

  it('is silent when asked', () => {
    const { lines, shown } = display({ silent: true });
    shown.update(progress(5, 10, 5, 5));
    expect(lines).toEqual([]);
  });
});
