import { remoteImageLimitsSchema } from '@vlprm/core/models';
import { endpointSchema } from '@vlprm/core/models/endpoints';
import { budgetLimitsSchema, priceTableSchema, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';

/** Name of the policy and the judge that need nothing but this package. */
export const PUZZLE_WORLD = 'puzzle-world';

const name = z.string().min(1);
/** One judge or several, each another one: the first where only one is asked for. */
const judgeNames = z
  .union([name.transform((only) => [only]), z.array(name).min(1)])
  .refine(
    (names) => new Set(names).size === names.length,
    'the same judge twice: more readings of one judge are votes',
  );
const SEE = 'see docs/endpoints.md for the keys and what they may hold';

/**
 * Which models to use, what they may spend and how they are reached. Names refer to `endpoints`, to `models` of
 * `createPlatform`, and to the built-in ones.
 */
export const platformConfigSchema = z.strictObject({
  /** Models behind servers, by a name of your own. */
  endpoints: z
    .record(
      name.refine((key) => key !== PUZZLE_WORLD, `${PUZZLE_WORLD} is built in: take another name`),
      endpointSchema,
    )
    .default({}),
  policy: name.default(PUZZLE_WORLD),
  judge: judgeNames.default([PUZZLE_WORLD]),
  /** A name, or the folder of a PRM bundle; null: the newest `runs/<run>/prm`. */
  prm: name.nullable().default(null),
  /** What the tokens of a model cost, by model name. */
  prices: priceTableSchema.default({}),
  /** What calls to endpoints may spend together. */
  budget: budgetLimitsSchema.default({}),
  /** Limits under which image URLs are fetched; null: they are refused. */
  remoteImages: remoteImageLimitsSchema.nullable().default(null),
  /** File that all traffic with endpoints is recorded in, without secrets and image bytes. */
  record: name.nullable().default(null),
  /** File of recorded traffic that answers in place of the network. */
  replay: name.nullable().default(null),
});
export type PlatformConfig = z.output<typeof platformConfigSchema>;
export type PlatformConfigInput = z.input<typeof platformConfigSchema>;

/**
 * The resolved configuration of models.
 * @throws ERR_CONFIG with the first field that is wrong.
 */
export function parsePlatformConfig(config: unknown): PlatformConfig {
  const parsed = platformConfigSchema.safeParse(config);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path ?? [];
    throw new VlprmError('ERR_CONFIG', issue?.message ?? 'the configuration is not valid', {
      where: path.length === 0 ? 'config' : path.join('.'),
      fix: path.length > 1 ? SEE : `known keys are ${Object.keys(platformConfigSchema.shape).join(', ')}`,
      cause: parsed.error,
    });
  }
  const { record, replay } = parsed.data;
  if (record === null || replay === null) return parsed.data;
  throw new VlprmError('ERR_CONFIG', 'traffic is either recorded or replayed', {
    where: 'record',
    fix: 'give one of them',
  });
}
