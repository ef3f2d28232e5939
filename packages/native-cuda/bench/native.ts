import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from '../src/addon.ts';
import { backends } from '../src/backends.ts';

/** The addon that is measured, or why there is none. */
export function nativeAddon(): NativeAddon | { reason: string } {
  const cpu = backends().find(({ name }) => name === 'cpu');
  if (cpu?.available !== true) return { reason: cpu?.reason ?? 'no cpu backend' };
  const path =
    process.env['VLPRM_NATIVE_PATH'] ?? fileURLToPath(new URL('../prebuilds/local/vlprm.node', import.meta.url));
  return createRequire(import.meta.url)(path) as NativeAddon;
}
