import type { HiddenDtype } from '../ops/hiddenRows.ts';
import type { StepHead } from '../ops/stepHead.ts';
import { halfFloatTable } from './halfFloat.ts';

/**
 * A head in float64, ready to read rows one by one: `row` holds the features of the last row read, `hidden` its
 * pre-activations (empty for a linear head).
 */
export interface HeadReader {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly parameters: Float64Array;
  readonly row: Float64Array;
  readonly hidden: Float64Array;
  /** Values of the bits of a 16-bit dtype. */
  readonly table: Float32Array | null;
}

export function headReader({ inputSize, hiddenSize, parameters }: StepHead, dtype: HiddenDtype = 'f32'): HeadReader {
  return {
    inputSize,
    hiddenSize,
    parameters: Float64Array.from(parameters),
    row: new Float64Array(inputSize),
    hidden: new Float64Array(hiddenSize),
    table: dtype === 'f32' ? null : halfFloatTable(dtype),
  };
}

function dot(weights: Float64Array, start: number, row: Float64Array): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < row.length; i += 2) {
    even += (weights[start + i] as number) * (row[i] as number);
    odd += (weights[start + i + 1] as number) * (row[i + 1] as number);
  }
  if (i < row.length) even += (weights[start + i] as number) * (row[i] as number);
  return even + odd;
}

/** Four units at a time share the loads of the row. */
function activate({ inputSize, hiddenSize, parameters, row, hidden }: HeadReader): void {
  const bias = hiddenSize * inputSize;
  let unit = 0;
  for (; unit + 3 < hiddenSize; unit += 4) {
    const w0 = unit * inputSize;
    const w1 = w0 + inputSize;
    const w2 = w1 + inputSize;
    const w3 = w2 + inputSize;
    let a0 = parameters[bias + unit] as number;
    let a1 = parameters[bias + unit + 1] as number;
    let a2 = parameters[bias + unit + 2] as number;
    let a3 = parameters[bias + unit + 3] as number;
    for (let i = 0; i < inputSize; i += 1) {
      const x = row[i] as number;
      a0 += (parameters[w0 + i] as number) * x;
      a1 += (parameters[w1 + i] as number) * x;
      a2 += (parameters[w2 + i] as number) * x;
      a3 += (parameters[w3 + i] as number) * x;
    }
    hidden[unit] = a0;
    hidden[unit + 1] = a1;
    hidden[unit + 2] = a2;
    hidden[unit + 3] = a3;
  }
  for (; unit < hiddenSize; unit += 1) {
    hidden[unit] = dot(parameters, unit * inputSize, row) + (parameters[bias + unit] as number);
  }
}

function readRow({ inputSize, row, table }: HeadReader, features: Float32Array | Uint16Array, index: number): void {
  const base = index * inputSize;
  if (table === null) for (let i = 0; i < inputSize; i += 1) row[i] = features[base + i] as number;
  else for (let i = 0; i < inputSize; i += 1) row[i] = table[features[base + i] as number] as number;
}

/** Logit of row `index` of the features. */
export function headLogit(head: HeadReader, features: Float32Array | Uint16Array, index: number): number {
  const { inputSize, hiddenSize, parameters, row, hidden } = head;
  readRow(head, features, index);
  if (hiddenSize === 0) return dot(parameters, 0, row) + (parameters[inputSize] as number);
  activate(head);
  const output = hiddenSize * (inputSize + 1);
  let logit = parameters[output + hiddenSize] as number;
  for (let unit = 0; unit < hiddenSize; unit += 1) {
    const activation = hidden[unit] as number;
    // A NaN activation must reach the logit, so it is not compared away.
    logit += (activation <= 0 ? 0 : activation) * (parameters[output + unit] as number);
  }
  return logit;
}
