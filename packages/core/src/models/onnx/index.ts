export * from './prm.ts';
export * from './runtime-info.ts';
export * from './session.ts';
export * from './step-reader.ts';
