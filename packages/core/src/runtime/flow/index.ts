export * from './replica-pool.ts';
