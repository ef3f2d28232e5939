import { join } from 'node:path';
import { readBaseModel, type BaseModel } from '../base-model.ts';
import { readBundleText } from '../bundle-files.ts';
import { EmbeddingCache } from '../embedding-cache.ts';
import { hashOfImage } from '../image.ts';
import type { Solution } from '../ports.ts';
import { stepFeatures, stepFeatureWidth } from '../step-features.ts';
import { planTokens, type TokenPlan } from '../token-plan.ts';
import { parseTokenizer, type Tokenizer } from '../tokenizer.ts';
import { VlprmError } from '../../runtime/errors.ts';
import { BaseRunner } from './base-runner.ts';

const REMEMBERED_IMAGES = 4096;

/** A question with its image and steps; what a PRM reads of a `Solution`. */
export interface ReadableSolution {
  readonly problem: Pick<Solution['problem'], 'id' | 'question'>;
  readonly images: Solution['images'];
  readonly steps: Solution['steps'];
}

export interface StepReaderOptions {
  /** Worker threads; default the cores of the machine, at most 8. */
  readonly threads?: number;
  /** Hide the image: its embedding is zeros and its bytes are not looked at. */
  readonly blind?: boolean;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Called after every batch with the forwards done and to do. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Features of all steps of all solutions. */
export interface StepRows {
  /** [rows × width] one row a step. */
  readonly features: Float32Array;
  readonly width: number;
  /** [solutions + 1] rows of each solution. */
  readonly offsets: Int32Array;
  /** [solutions] tokens that the base read for each, image included. */
  readonly tokens: Int32Array;
  /** Forwards of the decoder: one for every different (image, text). */
  readonly forwards: number;
  /** Tokens of those forwards, image included. */
  readonly forwardTokens: number;
}

interface Reader {
  readonly solution: number;
  readonly plan: TokenPlan;
}

interface Forward {
  readonly image: string | null;
  readonly ids: Int32Array;
  readonly readers: Reader[];
}

interface KnownImage {
  readonly bytes: Uint8Array;
  readonly where: string;
}

/**
 * Reads solutions through a vision-language base and returns step features: each image is embedded once, each different
 * (image, text) is read once, and a whole solution given as one step shares the forward of its single steps.
 */
export class StepReader {
  readonly base: BaseModel;
  readonly blind: boolean;
  /** Features per step. */
  readonly width: number;
  readonly #runner: BaseRunner;
  readonly #tokenizer: Tokenizer;
  readonly #embeddings = new EmbeddingCache(REMEMBERED_IMAGES);

  private constructor(runner: BaseRunner, tokenizer: Tokenizer, blind: boolean) {
    this.base = runner.base;
    this.blind = blind;
    this.width = stepFeatureWidth(runner.base.hiddenSize);
    this.#runner = runner;
    this.#tokenizer = tokenizer;
  }

  /** Opens a base folder, or a bundle folder (which holds its base). Errors as `readBaseModel` and `OnnxWorker.open`. */
  static async open(folder: string, options: StepReaderOptions = {}): Promise<StepReader> {
    const base = await readBaseModel(folder);
    const tokenizerText = await readBundleText(folder, 'tokenizer.json');
    const tokenizer = parseTokenizer(tokenizerText, join(folder, 'tokenizer.json'));
    return new StepReader(await BaseRunner.open(folder, base, options.threads), tokenizer, options.blind ?? false);
  }

  /**
   * Step features of every solution. Throws ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED (also unless a solution shows exactly
   * one image), ERR_TOKEN_UNKNOWN, ERR_IMAGE_DECODE or ERR_ABORTED; no solution is left out silently.
   */
  async read(solutions: readonly ReadableSolution[], { signal, onProgress }: ReadOptions = {}): Promise<StepRows> {
    const images = new Map<string, KnownImage>();
    const plans = solutions.map((solution, index) => this.#plan(solution, index));
    const forwards = gather(
      plans,
      solutions.map((solution, index) => this.#image(solution, index, images)),
    );
    const embeddings = await this.#embed(images, signal);
    const offsets = stepOffsets(plans);
    const features = new Float32Array(offsets.at(-1)! * this.width);
    let done = 0;
    await this.#runner.read(
      forwards.map(({ image, ids }) => ({ ids, embedding: image === null ? null : embeddings.get(image)! })),
      (index, reading) => {
        for (const { solution, plan } of forwards[index]!.readers) {
          stepFeatures(reading, plan, features, offsets[solution]! * this.width);
        }
        onProgress?.(++done, forwards.length);
      },
      signal,
    );
    const { imageTokens } = this.base;
    return {
      features,
      width: this.width,
      offsets,
      tokens: Int32Array.from(plans, ({ ids }) => imageTokens + ids.length),
      forwards: forwards.length,
      forwardTokens: forwards.reduce((sum, { ids }) => sum + imageTokens + ids.length, 0),
    };
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  #plan({ problem, steps }: ReadableSolution, index: number): TokenPlan {
    return planTokens(this.#tokenizer, problem.question, steps, this.base, nameOf(problem.id, index));
  }

  /** Hash of the image that a solution shows, null when blind; notes its bytes in `images`. */
  #image(
    { problem, images: [image, ...others] }: ReadableSolution,
    index: number,
    images: Map<string, KnownImage>,
  ): string | null {
    if (this.blind) return null;
    const where = nameOf(problem.id, index);
    if (image === undefined || others.length > 0) {
      throw new VlprmError(
        'ERR_TRACE_MALFORMED',
        `it shows ${image === undefined ? 'no image' : `${others.length + 1} images`}`,
        {
          where,
          fix: 'this base reads exactly one image: give one',
        },
      );
    }
    const hash = hashOfImage(image);
    images.set(hash, { bytes: image, where });
    return hash;
  }

  async #embed(images: ReadonlyMap<string, KnownImage>, signal?: AbortSignal): Promise<Map<string, Float32Array>> {
    const known = new Map<string, Float32Array>();
    const unseen: string[] = [];
    for (const hash of images.keys()) {
      const embedding = this.#embeddings.get(hash);
      if (embedding === undefined) unseen.push(hash);
      else known.set(hash, embedding);
    }
    const embeddings = await this.#runner.embed(
      unseen.map((hash) => images.get(hash)!),
      signal,
    );
    unseen.forEach((hash, index) => {
      this.#embeddings.set(hash, embeddings[index]!);
      known.set(hash, embeddings[index]!);
    });
    return known;
  }
}

const nameOf = (problemId: string, index: number): string => `solution ${index} of problem ${problemId}`;

/** Groups solutions that ask the base the same thing. */
function gather(plans: readonly TokenPlan[], images: readonly (string | null)[]): Forward[] {
  const forwards = new Map<string, Forward>();
  plans.forEach((plan, solution) => {
    const image = images[solution] ?? null;
    const key = `${String(image)} ${plan.ids.join()}`;
    const forward = forwards.get(key) ?? { image, ids: plan.ids, readers: [] };
    forward.readers.push({ solution, plan });
    forwards.set(key, forward);
  });
  return [...forwards.values()];
}

function stepOffsets(plans: readonly TokenPlan[]): Int32Array {
  const offsets = new Int32Array(plans.length + 1);
  plans.forEach(({ ends }, index) => (offsets[index + 1] = offsets[index]! + ends.length));
  return offsets;
}
