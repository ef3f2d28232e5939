import type { BoundStrategy } from './strategy.ts';

/** pass@n: a problem counts when any of its n samples is right. The limit of every choice among them. */
export const oracle: BoundStrategy = {
  kind: 'bound',
  id: 'oracle',
  need: 'nothing',
  value: (correct) => (correct.includes(true) ? 1 : 0),
};
