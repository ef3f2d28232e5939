import { Resvg } from '@resvg/resvg-js';
import { createRandom, type Random } from '@vlprm/core/runtime';
import type { Element, FamilyId, Query, Scene } from './family.ts';

/** Side of a picture in pixels. */
export const PICTURE_SIZE = 192;
/** Side of one of the 3 x 3 cells in pixels. */
export const CELL_SIZE = PICTURE_SIZE / 3;

/** Centre of an element in pixels of the picture: the geometry that everybody knows. */
export function elementCenter(family: FamilyId, index: number): { x: number; y: number } {
  if (family === 'polygon-sides') {
    return { x: index % 2 === 0 ? 48 : 144, y: (Math.floor(index / 2) + 0.5) * CELL_SIZE };
  }
  return { x: ((index % 3) + 0.5) * CELL_SIZE, y: (Math.floor(index / 3) + 0.5) * CELL_SIZE };
}

const RADIUS: Readonly<Record<string, number>> = { small: 11.5, medium: 17.5, large: 24 };
const HUE: Readonly<Record<string, number>> = { red: 2, orange: 30, yellow: 54, green: 125, blue: 218, purple: 280 };
const CORNERS: Readonly<Record<string, number>> = { triangle: 3, square: 4, pentagon: 5, hexagon: 6 };

/** Strokes of our own digits in a box 10 wide and 16 high. */
const DIGIT_PATHS: Readonly<Record<string, string>> = {
  '0': 'M5 1 C1 1 1 15 5 15 C9 15 9 1 5 1',
  '1': 'M2 4 L5 1 L5 15 M2 15 L8 15',
  '2': 'M1.5 4.5 C1.5 0 8.5 0 8.5 4.5 C8.5 8 3 10 1.5 15 L8.5 15',
  '3': 'M2 1 L8.5 1 L4.5 6.5 C10 6.5 10 15 4.5 15 C3 15 2 14.3 1.3 13',
  '4': 'M6.5 15 L6.5 1 L1 10.5 L9 10.5',
  '5': 'M8 1 L2.5 1 L2 7 C4 5.5 8.7 6 8.7 10.3 C8.7 15.5 3 16 1.3 13',
  '6': 'M7.5 1 C3 3 1.3 7 1.3 10.5 C1.3 16.5 8.7 16.5 8.7 10.8 C8.7 6 2.5 6 1.6 9.5',
  '7': 'M1.3 1 L8.7 1 L4 15',
  '8': 'M5 7.3 C1 7.3 1 1 5 1 C9 1 9 7.3 5 7.3 C0.3 7.3 0.3 15 5 15 C9.7 15 9.7 7.3 5 7.3',
  '9': 'M8.6 6 C8.2 9.5 1.3 9.8 1.3 5.4 C1.3 -0.2 8.7 -0.2 8.7 5.4 C8.7 9 7 13 2.7 15',
  '?': 'M1.5 4.5 C1.5 0 8.5 0 8.5 4.5 C8.5 7.5 5 7.5 5 10.5 M5 14 L5 15',
};

/** `#rrggbb` of a hue in degrees, saturation and light in percent (CSS Color 4, section 7.1). */
function hsl(hue: number, saturation: number, light: number): string {
  const chroma = (saturation / 100) * Math.min(light / 100, 1 - light / 100);
  const channel = (n: number): string => {
    const k = (((n + hue / 30) % 12) + 12) % 12;
    const value = light / 100 - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

function polygonPoints(corners: number, radius: number, turn: number): string {
  return Array.from({ length: corners }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / corners - Math.PI / 2;
    return `${(radius * Math.cos(angle)).toFixed(2)},${(radius * Math.sin(angle)).toFixed(2)}`;
  }).join(' ');
}

function shapeMark(shape: string, radius: number, fill: string, random: Random): string {
  const stroke = `fill="${fill}" stroke="#333" stroke-width="1.4"`;
  const corners = CORNERS[shape];
  const turn = (random.uniform() - 0.5) * 0.5;
  if (corners === undefined) return `<circle r="${radius.toFixed(2)}" ${stroke}/>`;
  const squareTurn = corners === 4 ? Math.PI / 4 : 0;
  return `<polygon points="${polygonPoints(corners, radius * 1.06, turn + squareTurn)}" ${stroke}/>`;
}

function digitMark(digit: string, height: number, ink: string, random: Random): string {
  const scale = height / 16;
  const turn = (random.uniform() - 0.5) * 12;
  const path = DIGIT_PATHS[digit] ?? '';
  return `<g transform="rotate(${turn.toFixed(1)}) scale(${scale.toFixed(3)}) translate(-5 -8)"><path d="${path}" fill="none" stroke="${ink}" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round"/></g>`;
}

const jitter = (random: Random, deviation: number): number => Math.max(-2, Math.min(2, random.normal())) * deviation;

function elementMark(family: FamilyId, element: Element, decoration: Element, random: Random): string {
  const anyHue = random.uniform() * 360;
  const saturation = 62 + random.uniform() * 25;
  const light = 48 + random.uniform() * 14;
  const digitHeight = 27 + jitter(random, 1.2);
  switch (family) {
    case 'number-triple':
      return digitMark(element.digit ?? '', digitHeight * 1.15, hsl(anyHue, 55, 28), random);
    case 'polygon-sides': {
      const turn = (random.uniform() - 0.5) * 0.6;
      const points = polygonPoints(Number(element.sides), 28 + jitter(random, 0.8), turn);
      const body = `<polygon points="${points}" fill="${hsl(anyHue, saturation, 82)}" stroke="#333" stroke-width="2.2"/>`;
      return body + digitMark(element.digit ?? '', digitHeight * 0.82, '#222', random);
    }
    case 'color-grid': {
      const hue = (HUE[element.color ?? 'red'] ?? 0) + jitter(random, 4.5);
      return shapeMark(decoration.shape ?? 'circle', 19 + jitter(random, 1), hsl(hue, saturation, light), random);
    }
    default: {
      const shape = element.shape ?? decoration.shape ?? 'circle';
      const radius = (RADIUS[element.size ?? 'medium'] ?? 17.5) + jitter(random, 0.9);
      return shapeMark(shape, radius, hsl(anyHue, saturation, light), random);
    }
  }
}

/** Is the whole cell hidden behind a question mark? A polygon keeps its outline. */
const hidesCell = (query: Query, index: number): boolean =>
  query.blank === index && query.family !== 'polygon-sides' && query.family !== 'number-triple';

/** The drawing of a scene; all that the scene leaves open (jitter, turns, hues, tint) comes from `seed`. */
export function sceneSvg(scene: Scene, seed: number): string {
  const tint = createRandom(seed);
  const background = hsl(tint.uniform() * 360, 18 * tint.uniform(), 93 + 5 * tint.uniform());
  const marks = scene.elements.map((element, i) => {
    const random = createRandom(seed + 1 + i);
    const center = elementCenter(scene.family, i);
    const x = center.x + jitter(random, 2);
    const y = center.y + jitter(random, 2);
    const shown = i === scene.query.blank ? { ...element, [scene.query.target]: '?' } : element;
    const mark = hidesCell(scene.query, i)
      ? digitMark('?', 34, '#555', random)
      : elementMark(scene.family, shown, scene.decoration[i] ?? {}, random);
    return `<g transform="translate(${x.toFixed(2)} ${y.toFixed(2)})">${mark}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${PICTURE_SIZE}" height="${PICTURE_SIZE}"><rect width="100%" height="100%" fill="${background}"/>${marks.join('')}</svg>`;
}

/** Rendered picture: PNG bytes and its pixels as RGBA. */
export function drawScene(scene: Scene, seed: number): { png: Uint8Array; rgba: Uint8Array } {
  const image = new Resvg(sceneSvg(scene, seed), { font: { loadSystemFonts: false } }).render();
  return { png: image.asPng(), rgba: image.pixels };
}
