import type * as Endpoints from '../src/models/endpoints/index.ts';
import type * as Runtime from '../src/runtime/index.ts';

const compiled = (module: string): Promise<unknown> =>
  import(new URL(`../dist/${module}/index.js`, import.meta.url).href) as Promise<unknown>;

/** The product as users run it, compiled: what runs TypeScript directly wraps every function, and costs a third more. */
export const runtime = (await compiled('runtime')) as typeof Runtime;
export const endpoints = (await compiled('models/endpoints')) as typeof Endpoints;
