export {
  parsePlatformConfig,
  platformConfigSchema,
  PUZZLE_WORLD,
  type PlatformConfig,
  type PlatformConfigInput,
} from './config.ts';
export type { Endpoints, OpenedEndpoint, ReplicaCheck } from './endpoint-models.ts';
export { examine } from './examine.ts';
export { findNewestPrm } from './find-prm.ts';
export { createPlatform, type NamedModels, type Platform, type PlatformOptions } from './platform.ts';
export { presentProblem, type Asked } from './present-problem.ts';
export { endpointsNamed } from './spending.ts';
export type { EndpointIdentity, ModelSpending, ModelUse } from './spending.ts';
