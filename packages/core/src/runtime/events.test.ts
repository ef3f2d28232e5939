import { describe, expect, it } from 'vitest';
import { createEvents, startStage } from './events.ts';
import type { Progress } from './events.ts';

describe('createEvents', () => {
  it('tells each listener its type of event, until it stops listening', () => {
    const events = createEvents();
    const heard: string[] = [];
    const stop = events.on('warning', ({ message }) => heard.push(message));
    events.on('progress', ({ stage }) => heard.push(stage));
    events.emit({ type: 'warning', stage: 'judge', message: 'slow' });
    startStage(events, 'sample', { total: 1 });
    stop();
    events.emit({ type: 'warning', stage: 'judge', message: 'slower' });
    expect(heard).toEqual(['slow', 'sample']);
  });

  it('does not let a listener that throws stop the run or the others', () => {
    const events = createEvents();
    const heard: string[] = [];
    events.on('warning', () => {
      throw new Error('display is gone');
    });
    events.on('warning', ({ message }) => heard.push(message));
    events.emit({ type: 'warning', stage: 'judge', message: 'slow' });
    expect(heard).toEqual(['slow']);
  });
});

describe('startStage', () => {
  function record(
    options: { total: number | null; alreadyDone?: number },
    work: [seconds: number, units: number, reused?: boolean][],
  ): Progress[] {
    const events = createEvents();
    const heard: Progress[] = [];
    events.on('progress', (progress) => heard.push(progress));
    let clock = 5000;
    const stage = startStage(events, 'sample', { ...options, now: () => clock });
    for (const [seconds, units, reused = false] of work) {
      clock += seconds * 1000;
      stage.advance(units, { reused });
    }
    expect(stage.done).toBe(heard.at(-1)?.done);
    return heard;
  }

  it('tells done, total, time and time to go', () => {
    expect(
      record({ total: 10 }, [
        [2, 1],
        [2, 3],
        [8, 6],
      ]),
    ).toEqual([
      { type: 'progress', stage: 'sample', done: 0, total: 10, elapsedSeconds: 0, perSecond: null, etaSeconds: null },
      { type: 'progress', stage: 'sample', done: 1, total: 10, elapsedSeconds: 2, perSecond: 0.5, etaSeconds: 18 },
      { type: 'progress', stage: 'sample', done: 4, total: 10, elapsedSeconds: 4, perSecond: 1, etaSeconds: 6 },
      { type: 'progress', stage: 'sample', done: 10, total: 10, elapsedSeconds: 12, perSecond: 10 / 12, etaSeconds: 0 },
    ]);
  });

  it('does not take what an earlier run did for speed', () => {
    const [begin, next] = record({ total: 10, alreadyDone: 8 }, [[3, 1]]);
    expect(begin).toMatchObject({ done: 8, etaSeconds: null });
    expect(next).toMatchObject({ done: 9, etaSeconds: 3 });
  });

  it('does not take rows that were there already for speed, however many come in between', () => {
    const heard = record({ total: 1000 }, [
      [1, 500, true],
      [4, 1],
      [0, 100, true],
      [4, 1],
    ]);
    expect(heard.map(({ perSecond }) => perSecond)).toEqual([null, null, 0.25, 0.25, 0.25]);
    expect(heard.at(-1)).toMatchObject({ done: 602, etaSeconds: 398 / 0.25 });
  });

  it('estimates by the speed of the last minute, and of the last twenty advances where they took longer', () => {
    const fastThenSlow = [...Array<[number, number]>(100).fill([1, 10]), ...Array<[number, number]>(100).fill([1, 1])];
    expect(record({ total: null }, fastThenSlow).at(-1)?.perSecond).toBeCloseTo(1);
    const rare = [...Array<[number, number]>(100).fill([1, 10]), ...Array<[number, number]>(30).fill([600, 1])];
    expect(record({ total: null }, rare).at(-1)?.perSecond).toBeCloseTo(1 / 600);
  });

  it('makes no promise without a total', () => {
    expect(record({ total: null }, [[3, 1]]).at(-1)).toMatchObject({ total: null, etaSeconds: null });
  });
});
