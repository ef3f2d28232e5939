import { describe } from 'vitest';
import { backends, type BackendName } from '../backends.ts';
import { CUDA_OPS, type OpName } from '../kernels.ts';

/**
 * Runs `tests` once per backend that computes `op`. A backend that is not there is skipped with its reason in the suite's name;
 * with `VLPRM_NATIVE=required`, cpu is never skipped, so that its absence fails.
 */
export function describeBackends(op: OpName, tests: (backend: BackendName) => void): void {
  for (const { name, reason } of backends()) {
    if (name === 'cuda' && !(CUDA_OPS as readonly OpName[]).includes(op)) continue;
    const required = name === 'cpu' && process.env['VLPRM_NATIVE'] === 'required';
    if (reason === null || required) describe(name, () => tests(name));
    else
      describe.skip(`${name} (needs ${name === 'cuda' ? 'a GPU' : 'the native addon'}: ${reason})`, () => tests(name));
  }
}

type Writable = Float32Array | Int32Array | Int8Array;

/** Fills outputs with what no kernel would write, so that an element left out shows. */
export function poison(outputs: Iterable<Writable>): void {
  for (const output of outputs)
    output.fill(output instanceof Float32Array ? NaN : output instanceof Int8Array ? 99 : -77_777);
}
