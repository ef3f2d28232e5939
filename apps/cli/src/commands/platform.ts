import { createPlatform, type Platform } from '@vlprm/api/platform';
import { VlprmError } from '@vlprm/core/runtime';
import type { Config } from '../config/config-schema.ts';

/** Models that the configuration names. ERR_CONFIG for an endpoint: no adapter for servers is there yet. */
export async function openPlatform(config: Config): Promise<Platform> {
  const { policy, judge, prm, endpoints = {} } = config;
  const named = [policy, judge, prm].find((name) => name !== undefined && Object.hasOwn(endpoints, name));
  if (named !== undefined) {
    throw new VlprmError('ERR_CONFIG', `the endpoint ${JSON.stringify(named)} cannot be used yet`, {
      where: 'endpoints',
      fix: 'use puzzle-world, or a PRM bundle folder',
    });
  }
  return createPlatform({
    config: {
      ...(policy === undefined ? {} : { policy }),
      ...(judge === undefined ? {} : { judge }),
      ...(prm === undefined ? {} : { prm }),
    },
  });
}

/** Opens the platform, works with it, and closes it whatever happens. */
export async function withPlatform<T>(config: Config, work: (platform: Platform) => Promise<T>): Promise<T> {
  const platform = await openPlatform(config);
  try {
    return await work(platform);
  } finally {
    await platform.close();
  }
}
