export * from './abort.ts';
export * from './clock.ts';
export * from './replica-pool.ts';
export * from './retry.ts';
