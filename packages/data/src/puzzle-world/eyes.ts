import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { decodeImage, downsampleImage, imageHash } from '@vlprm/core/models';
import { openOnnx, type OnnxSession } from '@vlprm/core/models/onnx';
import { createRandom, seedFrom, VlprmError } from '@vlprm/core/runtime';
import { JUDGE, POLICY } from './constants.ts';
import { ATTRIBUTES, type Attribute, type Family } from './family.ts';
import { RETINA_SIZE, takeGlimpse, type Gaze } from './glimpse.ts';

const HEADS = ['shape', 'size', 'color', 'digit', 'sides'] as const satisfies readonly Attribute[];

const CLASSES = HEADS.reduce((sum, head) => sum + ATTRIBUTES[head].length, 0);
/** Glimpses per run of the network. */
const BATCH = 256;

/** What an eye believes of one picture: [elements], attribute to probabilities over its words (sum 1). */
export type Belief = readonly Readonly<Partial<Record<Attribute, Float32Array>>>[];

/** Reads pictures of known layout. The same bytes always give the same belief. */
export interface Eye {
  look(images: readonly Uint8Array[], families: readonly Family[]): Promise<Belief[]>;
  close(): Promise<void>;
}

interface EyeSpec {
  readonly glimpses: number;
  readonly gaze: Gaze;
  readonly temperature: number;
}

/** Where the shipped eyes lie. */
export const EYES_FOLDER = new URL('../../models/eyes/', import.meta.url);

async function readModel({ file, sha256 }: { readonly file: string; readonly sha256: string }): Promise<Uint8Array> {
  const where = `models/eyes/${file}`;
  const fix = 'install @vlprm/data again';
  const bytes = await readFile(new URL(file, EYES_FOLDER)).catch((cause: unknown) => {
    throw new VlprmError('ERR_FILE_MISSING', 'an eye of the puzzle world cannot be read', { where, fix, cause });
  });
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  throw new VlprmError('ERR_BUNDLE_HASH', 'the eye is not the one that the frozen world was measured with', {
    where,
    fix,
  });
}

/** Softmax with temperature of scores[from, to). */
function softmax(scores: Float32Array, from: number, to: number, temperature: number): Float32Array {
  const part = scores.slice(from, to);
  const top = Math.max(...part);
  const weights = part.map((score) => Math.exp((score - top) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

interface Window {
  readonly element: number;
  readonly attributes: readonly Attribute[];
}

/** The windows that a family's spoken attributes need: a digit has its own, the others share one. */
function windowsOf(family: Family): Window[] {
  const groups = [family.spoken.filter((a) => a !== 'digit'), family.spoken.filter((a) => a === 'digit')];
  return Array.from({ length: family.rows * family.columns }, (_, element) => element).flatMap((element) =>
    groups.filter((attributes) => attributes.length > 0).map((attributes) => ({ element, attributes })),
  );
}

class OnnxEye implements Eye {
  readonly #session: OnnxSession;
  readonly #spec: EyeSpec;
  readonly #known = new Map<string, Belief>();

  constructor(session: OnnxSession, spec: EyeSpec) {
    this.#session = session;
    this.#spec = spec;
  }

  async look(images: readonly Uint8Array[], families: readonly Family[]): Promise<Belief[]> {
    const keys = images.map((bytes, i) => `${imageHash(bytes)}:${families[i]?.id ?? ''}`);
    const open = new Map<string, { bytes: Uint8Array; family: Family }>();
    for (const [i, key] of keys.entries()) {
      const bytes = images[i];
      const family = families[i];
      if (!this.#known.has(key) && bytes !== undefined && family !== undefined) open.set(key, { bytes, family });
    }
    await this.#learn(open);
    return keys.map((key) => this.#known.get(key) ?? []);
  }

  async #learn(open: ReadonlyMap<string, { bytes: Uint8Array; family: Family }>): Promise<void> {
    if (open.size === 0) return;
    const { glimpses, gaze } = this.#spec;
    const length = 3 * gaze.resolution ** 2;
    const plans = [...open].map(([key, { bytes, family }]) => ({ key, bytes, family, windows: windowsOf(family) }));
    const rows = plans.reduce((sum, { windows }) => sum + windows.length * glimpses, 0);
    const data = new Float32Array(rows * length);
    let row = 0;
    for (const { key, bytes, family, windows } of plans) {
      const retina = downsampleImage(await decodeImage(bytes), RETINA_SIZE, RETINA_SIZE);
      const random = createRandom(seedFrom('glimpse', gaze.resolution, key));
      for (const { element, attributes } of windows) {
        for (let look = 0; look < glimpses; look++, row++) {
          takeGlimpse(retina, family.id, element, attributes[0] ?? 'shape', gaze, random, data, row * length);
        }
      }
    }
    const scores = await this.#score(data, rows, length);
    this.#remember(plans, scores);
  }

  /** Class scores of all glimpses, [rows, classes], in batches that stay in the cache. */
  async #score(data: Float32Array, rows: number, length: number): Promise<Float32Array> {
    const parts: Float32Array[] = [];
    for (let from = 0; from < rows; from += BATCH) {
      const count = Math.min(BATCH, rows - from);
      const part = data.slice(from * length, (from + count) * length);
      const { scores } = await this.#session.run({ glimpse: { type: 'float32', dims: [count, length], data: part } });
      if (scores === undefined) throw new VlprmError('ERR_MODEL_FAILED', 'the eye gave no scores');
      parts.push(scores.data as Float32Array);
    }
    const all = new Float32Array(rows * CLASSES);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #remember(plans: readonly { key: string; family: Family; windows: readonly Window[] }[], scores: Float32Array): void {
    const { glimpses, temperature } = this.#spec;
    let row = 0;
    for (const { key, family, windows } of plans) {
      const belief: Partial<Record<Attribute, Float32Array>>[] = Array.from(
        { length: family.rows * family.columns },
        () => ({}),
      );
      for (const { element, attributes } of windows) {
        for (const attribute of attributes) {
          const from = HEADS.slice(0, HEADS.indexOf(attribute)).reduce((sum, head) => sum + ATTRIBUTES[head].length, 0);
          const mean = new Float32Array(ATTRIBUTES[attribute].length);
          for (let look = 0; look < glimpses; look++) {
            const start = (row + look) * CLASSES + from;
            softmax(scores, start, start + mean.length, temperature).forEach((p, i) => {
              mean[i] = (mean[i] ?? 0) + p / glimpses;
            });
          }
          (belief[element] ?? {})[attribute] = mean;
        }
        row += glimpses;
      }
      this.#known.set(key, belief);
    }
  }

  async close(): Promise<void> {
    this.#known.clear();
    await this.#session.close();
  }
}

/** The policy's weak eye and the judge's stronger one, from the shipped models. */
export async function openEyes(): Promise<{ policy: Eye; judge: Eye; close(): Promise<void> }> {
  const [policySession, judgeSession] = await Promise.all(
    [POLICY, JUDGE].map(async ({ eye }) => openOnnx(await readModel(eye), { threads: 1 })),
  );
  if (policySession === undefined || judgeSession === undefined)
    throw new VlprmError('ERR_INTERNAL', 'an eye did not open');
  const policy = new OnnxEye(policySession, { ...POLICY, temperature: POLICY.eyeTemperature });
  const judge = new OnnxEye(judgeSession, { ...JUDGE, temperature: 1 });
  return {
    policy,
    judge,
    close: async () => {
      await Promise.all([policy.close(), judge.close()]);
    },
  };
}
