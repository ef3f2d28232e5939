export * from './answer-equivalence.ts';
export * from './answer-extraction.ts';
export * from './prompts.ts';
export * from './step-grammar.ts';
export * from './verification.ts';
