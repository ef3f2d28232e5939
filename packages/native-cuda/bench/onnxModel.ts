/** An ONNX model of one product, [rows × width] · [width × columns], as bytes: https://onnx.ai/onnx/repo-docs/IR.html. */

/** Protocol-buffer fields (https://protobuf.dev/programming-guides/encoding): wire type 0 for integers, 2 for bytes. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function bytes(field: number, content: Buffer | string): Buffer {
  const buffer = Buffer.from(content as string);
  return Buffer.concat([varint(field * 8 + 2), varint(buffer.length), buffer]);
}

const FLOAT = 1;

function valueInfo(name: string, dimensions: readonly number[]): Buffer {
  const shape = Buffer.concat(dimensions.map((size) => bytes(1, integer(1, size))));
  const tensor = Buffer.concat([integer(1, FLOAT), bytes(2, shape)]);
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, tensor))]);
}

/** `weights` [width × columns] are the model's; `x` [rows × width] goes in, `y` [rows × columns] comes out. */
export function productModel(rows: number, width: number, columns: number, weights: Float32Array): Uint8Array {
  const node = Buffer.concat([bytes(1, 'x'), bytes(1, 'w'), bytes(2, 'y'), bytes(4, 'MatMul')]);
  const raw = Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength);
  const initializer = Buffer.concat([
    integer(1, width),
    integer(1, columns),
    integer(2, FLOAT),
    bytes(8, 'w'),
    bytes(9, raw),
  ]);
  const graph = Buffer.concat([
    bytes(1, node),
    bytes(2, 'product'),
    bytes(5, initializer),
    bytes(11, valueInfo('x', [rows, width])),
    bytes(12, valueInfo('y', [rows, columns])),
  ]);
  return Buffer.concat([integer(1, 8), bytes(7, graph), bytes(8, integer(2, 13))]);
}
