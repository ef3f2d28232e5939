export type { Behaviour, OpenOptions, Subject } from './behaviour.ts';
export * from './judge-behaviours.ts';
export * from './policy-behaviours.ts';
export * from './prm-behaviours.ts';
