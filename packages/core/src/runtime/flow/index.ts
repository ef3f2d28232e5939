export * from './abort.ts';
export * from './all-at-once.ts';
export * from './clock.ts';
export * from './create-replica-pool.ts';
export * from './replica-pool.ts';
export { isLastingFailure } from './replica.ts';
export * from './retry.ts';
