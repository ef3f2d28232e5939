import type * as Runtime from '../src/runtime/index.ts';

/** The runtime as users run it, compiled: what runs TypeScript directly wraps every function, and costs a third more. */
export const runtime = (await import(new URL('../dist/runtime/index.js', import.meta.url).href)) as typeof Runtime;
