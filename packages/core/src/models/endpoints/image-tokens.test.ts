import { expect, it } from 'vitest';
import { imageTokenRule } from './image-tokens.ts';

/**
 * The tile examples are those of OpenAI's guide; the 128 × 64 rows and that of 4000 × 1474 were billed by its API
 * (https://community.openai.com/t/1262691 and /1281361, less the text of the prompt).
 */
it.each([
  ['gpt-4o', 1024, 1024, 765],
  ['gpt-4o-2024-11-20', 2048, 4096, 1105],
  ['gpt-4.1', 128, 64, 255],
  ['gpt-4o-mini', 128, 64, 8500],
  ['o3-2025-04-16', 128, 64, 225],
  ['o4-mini', 128, 64, 14],
  ['gpt-4.1-mini', 4000, 1474, 2488],
  ['gpt-4.1-nano', 128, 64, 20],
  ['Qwen/Qwen2.5-VL-7B-Instruct', 1288, 980, 46 * 35],
  ['qwen2.5-vl-72b', 10, 10, 4],
  ['Qwen/Qwen3-VL-8B-Instruct', 1024, 1024, 1024],
  ['google/gemma-3-12b-it', 3000, 200, 256],
  ['my-deployment', 96, 96, 1280],
  ['solo3-large', 96, 96, 1280],
])('%s counts %d × %d pixels as %d tokens', (model, width, height, tokens) => {
  expect(imageTokenRule(model).tokens(width, height)).toBe(tokens);
});
