import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import shared from '../../vitest.shared.ts';

/** Where backend 'cuda' runs in tests: what VLPRM_CUDA_MODULE names (a device, on a machine that has one), else the emulation. */
const emulation = fileURLToPath(new URL('prebuilds/local/vlprm_cuda_emulated.so', import.meta.url));
const named = process.env['VLPRM_CUDA_MODULE'] ?? '';

export default mergeConfig(shared, {
  test: {
    env: { VLPRM_CUDA_MODULE: named === '' ? emulation : named },
    ...(named === '' ? { globalSetup: ['src/conformance/emulation.ts'] } : {}),
  },
});
