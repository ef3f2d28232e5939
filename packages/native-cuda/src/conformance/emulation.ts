/** Builds the emulation of the CUDA module before the tests, where there is a toolchain. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));

export default function buildEmulation(): void {
  const { status } = spawnSync(process.execPath, [SCRIPT, '--emulation'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the emulation of the CUDA module could not be built; the reason is above');
}
