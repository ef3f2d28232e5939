import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { Fifo } from './fifo.ts';

const steps = fc.array(
  fc.oneof(
    fc.constantFrom({ kind: 'push' as const }, { kind: 'unshift' as const }, { kind: 'shift' as const }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat() }),
  ),
  { maxLength: 200 },
);

property.prop([steps])('does what a list does', (steps) => {
  const fifo = new Fifo<number>();
  const places = new Map<number, number>();
  const list: number[] = [];
  steps.forEach((step, item) => {
    const leaving = step.kind === 'shift' ? list[0] : step.kind === 'leave' ? list[step.who % list.length] : undefined;
    if (step.kind === 'push' || step.kind === 'unshift') {
      places.set(item, fifo[step.kind](item));
      list[step.kind](item);
    } else if (leaving !== undefined) {
      expect(fifo.delete(places.get(leaving)!)).toBe(true);
      expect(fifo.delete(places.get(leaving)!)).toBe(false);
      list.splice(list.indexOf(leaving), 1);
    }
    expect([fifo.size, fifo.peek()]).toEqual([list.length, list[0]]);
  });
});
