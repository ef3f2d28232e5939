import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

describe('safetensors', () => {
  it('writes the bytes of the format', () => {
    const bytes = encodeSafetensors({ w: { shape: [2], data: Float32Array.of(1, -2) } });
    const header = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const length = Math.ceil(header.length / 8) * 8;
    expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(length));
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length))).toBe(header.padEnd(length));
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('reads back what it wrote', () => {
    const tensor = fc.float32Array({ minLength: 0, maxLength: 20 }).map((data) => ({ shape: [data.length], data }));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}$/), tensor), (tensors) => {
        const read = decodeSafetensors(encodeSafetensors(tensors, { note: 'x' }));
        expect(Object.keys(read).sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, { data }] of Object.entries(tensors)) expect(read[name]!.data).toEqual(data);
      }),
    );
  });

  const whole = encodeSafetensors({ w: { shape: [2, 2], data: new Float32Array(4) } });
  it.each([
    ['nothing', new Uint8Array(0)],
    ['a cut header', whole.subarray(0, 20)],
    ['cut data', whole.subarray(0, whole.length - 4)],
    ['no JSON', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b)],
    ['another type', new TextEncoder().encode(new TextDecoder().decode(whole).replace('F32', 'I32'))],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeSafetensors(bytes, 'head')).toThrow(
      expect.objectContaining({ code: 'ERR_FILE_MALFORMED', where: 'head' }),
    );
  });
});
