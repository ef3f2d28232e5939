import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import shared from '../../vitest.shared.ts';

/** Without a device, backend 'cuda' is the emulation that native-cuda's tests build. */
const emulation = fileURLToPath(new URL('../native-cuda/prebuilds/local/vlprm_cuda_emulated.so', import.meta.url));

export default mergeConfig(shared, {
  test: { env: { VLPRM_CUDA_MODULE: process.env['VLPRM_CUDA_MODULE'] ?? emulation } },
});
