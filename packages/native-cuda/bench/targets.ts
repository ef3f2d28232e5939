/** What the kernels are to reach on two CPU cores. Ratios are those of rows; a floor's is the share of the limit. */
import type { Row } from './measure.ts';

export interface Target {
  readonly target: string;
  /** Every measured row that matches has to reach `minimum`. */
  readonly row: { readonly name: string; readonly peer: string; readonly threads?: number };
  readonly minimum: number;
}

export interface Verdict {
  readonly target: string;
  readonly minimum: number;
  readonly verdict: 'reached' | 'missed' | 'not measured';
  /** The smallest ratio among the rows that decide it. */
  readonly measured: number | null;
}

const FLOOR = 'read floor';

/** `row.name` and `row.peer` are beginnings. */
export const TARGETS: readonly Target[] = [
  {
    target: 'stepScore f32: 85% of the read floor, 1 thread',
    row: { name: 'stepScore f32 4096x3584', peer: FLOOR, threads: 1 },
    minimum: 0.85,
  },
  {
    target: 'stepScore bf16: 85% of the read floor, 1 thread',
    row: { name: 'stepScore bf16 4096x3584', peer: FLOOR, threads: 1 },
    minimum: 0.85,
  },
  {
    target: 'stepScore f16: 85% of the read floor, 1 thread',
    row: { name: 'stepScore f16 4096x3584', peer: FLOOR, threads: 1 },
    minimum: 0.85,
  },
  {
    target: 'stepScore f32: 75% of the read floor, 2 threads',
    row: { name: 'stepScore f32 4096x3584', peer: FLOOR, threads: 2 },
    minimum: 0.75,
  },
  {
    target: 'stepScore bf16: 75% of the read floor, 2 threads',
    row: { name: 'stepScore bf16 4096x3584', peer: FLOOR, threads: 2 },
    minimum: 0.75,
  },
  {
    target: 'stepScore f16: 75% of the read floor, 2 threads',
    row: { name: 'stepScore f16 4096x3584', peer: FLOOR, threads: 2 },
    minimum: 0.75,
  },
  {
    target: 'stepScore f32: 3x onnxruntime-node, two columns of pre-gathered rows',
    row: { name: 'stepScore f32 4096x3584', peer: 'onnxruntime-node, two columns' },
    minimum: 3,
  },
  {
    target: 'stepScore f32: 10,000x onnxruntime-node, full vocabulary',
    row: { name: 'stepScore f32 4096x3584', peer: 'onnxruntime-node, full vocabulary' },
    minimum: 10_000,
  },
  {
    target: 'stepScore f32: 2x PyTorch',
    row: { name: 'stepScore f32 4096x3584 gathered', peer: 'PyTorch' },
    minimum: 2,
  },
  {
    target: 'stepScore bf16: 1.5x PyTorch',
    row: { name: 'stepScore bf16 4096x3584 gathered', peer: 'PyTorch' },
    minimum: 1.5,
  },
  { target: 'stepScore f32: 10x NumPy', row: { name: 'stepScore f32 4096x3584 gathered', peer: 'NumPy' }, minimum: 10 },
  {
    target: 'stepScore bf16: 8x the js backend, 1 thread',
    row: { name: 'stepScore bf16 4096x3584', peer: 'js backend', threads: 1 },
    minimum: 8,
  },
  {
    target: 'stepScore bf16: 12x the js backend, 2 threads',
    row: { name: 'stepScore bf16 4096x3584', peer: 'js backend', threads: 2 },
    minimum: 12,
  },
  {
    target: 'stepLoss: 75% of the read floor',
    row: { name: 'stepLoss linear', peer: FLOOR, threads: 1 },
    minimum: 0.75,
  },
  {
    target: 'tree search: 25x a Map of nodes in JavaScript',
    row: { name: 'tree search 1024x256', peer: 'Map tree', threads: 1 },
    minimum: 25,
  },
  {
    target: 'tree search: 10x an object tree in JavaScript',
    row: { name: 'tree search 1024x256', peer: 'object tree', threads: 1 },
    minimum: 10,
  },
  {
    target: 'tree search: 3x typed arrays in JavaScript',
    row: { name: 'tree search 1024x256', peer: 'js backend', threads: 1 },
    minimum: 3,
  },
  { target: 'tree search: 40x mctx', row: { name: 'tree search 64x256', peer: 'mctx' }, minimum: 40 },
  { target: 'valueBackup: 2x a tuned JAX scatter', row: { name: 'valueBackup', peer: 'JAX scatter' }, minimum: 2 },
  { target: 'valueBackup: 200x mctx as shipped', row: { name: 'valueBackup', peer: 'mctx' }, minimum: 200 },
  {
    target: 'valueBackup of 64 leaves a tree: 2.5x typed arrays in JavaScript',
    row: { name: 'valueBackup 4096x512, 64 leaves', peer: 'js backend', threads: 1 },
    minimum: 2.5,
  },
  {
    target: 'mcLabels: 80x JavaScript objects in a Map',
    row: { name: 'mcLabels grouped 65536x8', peer: 'objects and a Map' },
    minimum: 80,
  },
  {
    target: 'mcLabels ragged: 1.4x the js backend',
    row: { name: 'mcLabels ragged', peer: 'js backend', threads: 1 },
    minimum: 1.4,
  },
  {
    target: 'mcLabels, equal segments: 8x the js backend',
    row: { name: 'mcLabels grouped 65536x8', peer: 'js backend', threads: 1 },
    minimum: 8,
  },
  { target: 'mcLabels: 3x NumPy reduceat', row: { name: 'mcLabels grouped', peer: 'NumPy' }, minimum: 3 },
  { target: 'mcLabels keyed: 2.5x NumPy bincount', row: { name: 'mcLabels keyed', peer: 'NumPy' }, minimum: 2.5 },
];

/** Each target against the rows that decide it. */
export function verdicts(targets: readonly Target[], rows: readonly Row[]): Verdict[] {
  return targets.map(({ target, row, minimum }) => {
    const ratios = rows
      .filter(({ name, peer }) => name.startsWith(row.name) && peer.startsWith(row.peer))
      .filter(({ threads }) => row.threads === undefined || row.threads === threads)
      .flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
    if (ratios.length === 0) return { target, minimum, verdict: 'not measured', measured: null };
    const measured = Math.min(...ratios);
    return { target, minimum, verdict: measured >= minimum ? 'reached' : 'missed', measured };
  });
}
