export * from './consensus/index.ts';
export * from './formats/index.ts';
export * from './problems/index.ts';
export * from './storage/index.ts';
export * from './synthesis/index.ts';
