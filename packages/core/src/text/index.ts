export * from './answer-equivalence.ts';
export * from './answer-extraction.ts';
export * from './prompts.ts';
export * from './quoted-text.ts';
export * from './step-grammar.ts';
export type * from './step-splitter.ts';
export * from './step-splitters.ts';
export * from './verification.ts';
export * from './verification-json.ts';
