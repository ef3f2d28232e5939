export * from './dataset-manifest.ts';
export * from './prediction.ts';
export * from './prm-bundle.ts';
export * from './problem.ts';
export * from './search-trace.ts';
export * from './step.ts';
export * from './trace.ts';
export * from './usage.ts';
