export {
  parsePlatformConfig,
  platformConfigSchema,
  PUZZLE_WORLD,
  type PlatformConfig,
  type PlatformConfigInput,
} from './config.ts';
export { examine } from './examine.ts';
export { findNewestPrm } from './find-prm.ts';
export { createPlatform, type NamedModels, type Platform, type PlatformOptions } from './platform.ts';
export { presentProblem, type Asked } from './present-problem.ts';
