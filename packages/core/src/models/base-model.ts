import { join } from 'node:path';
import { z } from 'zod';
import { VlprmError } from '../runtime/errors.ts';
import { sha256 } from '../runtime/content-hash.ts';
import { readJsonFile } from '../runtime/json-files.ts';
import { fileHashesSchema, verifyFiles } from './bundle-files.ts';

export const BASE_SCHEMA = 'vlprm.base/1';

const size = z.int().positive();

/**
 * `base.json`: a vision-language base in ONNX. `vision.onnx` maps `image` f32 [B, 3, height, width] (RGB in 0..1, area
 * mean) to `embeddings` [B, imageTokens, hiddenSize]; `decoder.onnx` maps `embeddings` and `tokens` int64 [B, T]
 * (right-padded with `pad`) to `hidden` [B, T, hiddenSize], `logp` [B, T] and `gap` [B, T]. It is causal.
 */
export const baseModelSchema = z.object({
  schema: z.literal(BASE_SCHEMA),
  name: z.string().min(1),
  revision: z.string().min(1),
  hiddenSize: size,
  image: z.object({ width: size, height: size }),
  imageTokens: size,
  maxTokens: size,
  pad: z.int().nonnegative(),
  files: fileHashesSchema,
  /** File with the hashes of the problem groups that the base was trained on: a JSON array of strings. */
  groupsSeen: z.string().optional(),
  seed: z.int().optional(),
  command: z.string().optional(),
});
export type BaseModel = z.infer<typeof baseModelSchema>;

export const BASE_FILES = ['vision.onnx', 'decoder.onnx', 'tokenizer.json'] as const;

/** Reads and checks a base folder: ERR_FILE_MISSING, ERR_SCHEMA_VERSION, ERR_BUNDLE_INVALID or ERR_BUNDLE_HASH. */
export async function readBaseModel(folder: string): Promise<BaseModel> {
  const base = await readJsonFile(join(folder, 'base.json'), baseModelSchema, 'ERR_BUNDLE_INVALID');
  const unnamed = BASE_FILES.find((name) => !(name in base.files));
  if (unnamed !== undefined) {
    throw new VlprmError('ERR_BUNDLE_INVALID', `base.json gives no hash of ${unnamed}`, {
      where: folder,
      fix: 'export the base again',
    });
  }
  await verifyFiles(folder, base.files);
  return base;
}

/** Hashes of the problem groups that the base was trained on; empty when it names none. */
export async function readGroupsSeen(folder: string, base: BaseModel): Promise<string[]> {
  if (base.groupsSeen === undefined) return [];
  return readJsonFile(join(folder, base.groupsSeen), z.array(z.string()), 'ERR_BUNDLE_INVALID');
}

/** Identity of how a base turns an image and a text into its inputs. */
export function processorHash(base: BaseModel): string {
  return sha256(JSON.stringify(['area-mean/1', base.image.width, base.image.height, base.files['tokenizer.json']]));
}
