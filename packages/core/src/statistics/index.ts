export * from './aggregation.ts';
export * from './best-of-n.ts';
export * from './bootstrap.ts';
export * from './intervals.ts';
export * from './votes.ts';
