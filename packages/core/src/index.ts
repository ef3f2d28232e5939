export type * from './models/ports.ts';
export * from './records/index.ts';
export * from './runtime/index.ts';
export * from './statistics/index.ts';
export * from './text/index.ts';
