import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mergeConfig } from 'vitest/config';
import shared from '../../vitest.shared.ts';

/** Where backend 'cuda' runs in tests: what VLPRM_CUDA_MODULE names (a device, on a machine that has one), else the emulation. */
const emulation = fileURLToPath(new URL('prebuilds/local/vlprm_cuda_emulated.so', import.meta.url));
const chosen = process.env['VLPRM_CUDA_MODULE'] ?? (existsSync(emulation) ? emulation : '');

export default mergeConfig(shared, { test: { env: { VLPRM_CUDA_MODULE: chosen } } });
