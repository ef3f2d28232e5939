import type { EndpointKind } from '../endpoint-config.ts';
import { azure } from './azure.ts';
import type { Dialect } from './dialect.ts';
import { llamaCpp } from './llama-cpp.ts';
import { ollama } from './ollama.ts';
import { openAiCompatible } from './openai-compatible.ts';
import { openAi } from './openai.ts';
import { sglang } from './sglang.ts';
import { vllm } from './vllm.ts';

const dialects: Readonly<Record<EndpointKind, Dialect>> = {
  vllm,
  sglang,
  openai: openAi,
  azure,
  'llama.cpp': llamaCpp,
  ollama,
  'openai-compatible': openAiCompatible,
};

export function dialectOf(kind: EndpointKind): Dialect {
  return dialects[kind];
}

export type { Addresses, Dialect, ReportedUsage, WireSettings } from './dialect.ts';
