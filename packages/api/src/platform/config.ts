import { VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';

/** Name of the policy and the judge that need nothing but this package. */
export const PUZZLE_WORLD = 'puzzle-world';

/** Which models to use. Names refer to `models` of `createPlatform` and to the built-in ones. */
export const platformConfigSchema = z.strictObject({
  policy: z.string().min(1).default(PUZZLE_WORLD),
  judge: z.string().min(1).default(PUZZLE_WORLD),
  /** A name, or the folder of a PRM bundle; null: the newest `runs/<run>/prm`. */
  prm: z.string().min(1).nullable().default(null),
});
export type PlatformConfig = z.output<typeof platformConfigSchema>;
export type PlatformConfigInput = z.input<typeof platformConfigSchema>;

/**
 * The resolved configuration of models.
 * @throws ERR_CONFIG with the first field that is wrong.
 */
export function parsePlatformConfig(config: unknown): PlatformConfig {
  const parsed = platformConfigSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? 'config' : issue.path.join('.');
  throw new VlprmError('ERR_CONFIG', issue?.message ?? 'the configuration is not valid', {
    where,
    fix: 'known keys are policy, judge and prm, each a name',
    cause: parsed.error,
  });
}
