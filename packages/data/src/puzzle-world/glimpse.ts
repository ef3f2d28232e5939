import type { Random } from '@vlprm/core/runtime';
import { CELL_SIZE, elementCenter, PICTURE_SIZE } from './drawing.ts';
import type { Attribute, FamilyId } from './family.ts';

/** Side of the downsampled picture that the eyes look at. */
export const RETINA_SIZE = 96;
const SCALE = RETINA_SIZE / PICTURE_SIZE;
/** Side of the window, in retina pixels, in which an attribute is looked for. */
const WINDOW: Readonly<Record<Attribute, number>> = {
  shape: CELL_SIZE * SCALE,
  size: CELL_SIZE * SCALE,
  color: CELL_SIZE * SCALE,
  sides: CELL_SIZE * SCALE,
  digit: 20,
};

/** How an eye looks: `resolution` x `resolution` cells, the aim off by a normal deviation in retina pixels. */
export interface Gaze {
  readonly resolution: number;
  readonly aimDeviation: number;
  readonly sensorNoise: number;
}

/** Bilinear sample of one colour plane; outside the picture its border goes on. */
function sampleAt(retina: Float32Array, plane: number, x: number, y: number): number {
  const limit = RETINA_SIZE - 1;
  const cx = Math.min(limit, Math.max(0, x - 0.5));
  const cy = Math.min(limit, Math.max(0, y - 0.5));
  const x0 = Math.floor(cx);
  const y0 = Math.floor(cy);
  const x1 = Math.min(limit, x0 + 1);
  const y1 = Math.min(limit, y0 + 1);
  const fx = cx - x0;
  const fy = cy - y0;
  const upper = plane * RETINA_SIZE * RETINA_SIZE + y0 * RETINA_SIZE;
  const lower = upper + (y1 - y0) * RETINA_SIZE;
  const top = retina[upper + x0]! * (1 - fx) + retina[upper + x1]! * fx;
  const bottom = retina[lower + x0]! * (1 - fx) + retina[lower + x1]! * fx;
  return top * (1 - fy) + bottom * fy;
}

/** Sample points per cell and axis: the cells average what they cover. */
const POINTS = 2;

/**
 * One look at one element: [3 * resolution * resolution] values, channel first, about 0..1.
 * `retina` is the picture as f32 [3, 96, 96] in 0..1; the result depends on it, the place and `random` alone.
 */
export function takeGlimpse(
  retina: Float32Array,
  family: FamilyId,
  element: number,
  attribute: Attribute,
  gaze: Gaze,
  random: Random,
  out: Float32Array = new Float32Array(3 * gaze.resolution ** 2),
  outOffset = 0,
): Float32Array {
  const { resolution, aimDeviation, sensorNoise } = gaze;
  const center = elementCenter(family, element);
  const window = WINDOW[attribute];
  const left = center.x * SCALE + random.normal() * aimDeviation - window / 2;
  const top = center.y * SCALE + random.normal() * aimDeviation - window / 2;
  const pitch = window / resolution;
  for (let plane = 0; plane < 3; plane++) {
    for (let row = 0; row < resolution; row++) {
      for (let column = 0; column < resolution; column++) {
        let sum = 0;
        for (let dy = 0; dy < POINTS; dy++) {
          for (let dx = 0; dx < POINTS; dx++) {
            const x = left + (column + (dx + 0.5) / POINTS) * pitch;
            const y = top + (row + (dy + 0.5) / POINTS) * pitch;
            sum += sampleAt(retina, plane, x, y);
          }
        }
        const at = outOffset + (plane * resolution + row) * resolution + column;
        out[at] = sum / (POINTS * POINTS) + (sensorNoise > 0 ? random.normal() * sensorNoise : 0);
      }
    }
  }
  return out;
}
