/** How a model counts the tokens of an image. An estimate for forecasts: what a call cost is what its service says. */
export interface ImageTokenRule {
  /** In a reader's words. */
  readonly name: string;
  /** Tokens of an image of so many pixels. */
  tokens(width: number, height: number): number;
}

/**
 * One token for each square of `side` pixels, after the image was made larger or smaller to `fewest` to `most` of them.
 * `perPatch`: tokens that a patch is billed as.
 */
function patches(side: number, fewest: number, most: number, perPatch = 1): ImageTokenRule {
  const grid = (width: number, height: number) => Math.ceil(width / side) * Math.ceil(height / side);
  const billed = perPatch === 1 ? '' : ` × ${perPatch}`;
  return {
    name: `patches of ${side} × ${side} pixels, ${fewest} to ${most} of them${billed}`,
    tokens: (width, height) => Math.round(perPatch * Math.min(most, Math.max(fewest, grid(width, height)))),
  };
}

/** Scaled down into 2048 × 2048, then to a short side of 768 pixels at most; tiles of 512 pixels beside a base. */
function tiles(base: number, perTile: number): ImageTokenRule {
  return {
    name: `${base} and ${perTile} for each tile of 512 × 512 pixels`,
    tokens: (width, height) => {
      const fit = Math.min(1, 2048 / Math.max(width, height));
      const scale = fit * Math.min(1, 768 / (fit * Math.min(width, height)));
      return base + perTile * Math.ceil((width * scale) / 512) * Math.ceil((height * scale) / 512);
    },
  };
}

const constant = (count: number, name: string): ImageTokenRule => ({ name, tokens: () => count });

/** 1280 patches: the largest image that VL-PRMs are trained with (arXiv 2509.23250). */
const UNKNOWN = constant(1280, '1280 for any image: how the model counts is not known');

/**
 * By model name, the first that fits. OpenAI: https://platform.openai.com/docs/guides/images-vision#calculating-costs;
 * Qwen: `smart_resize` of its image processors (patches of 14 or 16 pixels, merged 2 × 2); Gemma 3: `mm_tokens_per_image`.
 */
const RULES: readonly (readonly [RegExp, ImageTokenRule])[] = [
  [/qwen-?3.*vl/i, patches(32, 4, 16_384)],
  [/qwen.*vl/i, patches(28, 4, 16_384)],
  [/gemma-?3/i, constant(256, '256 for any image')],
  [/o4-mini/i, patches(32, 1, 1536, 1.72)],
  [/gpt-(4\.1|5)-mini/i, patches(32, 1, 1536, 1.62)],
  [/gpt-(4\.1|5)-nano/i, patches(32, 1, 1536, 2.46)],
  [/gpt-4o-mini/i, tiles(2833, 5667)],
  [/gpt-4(o|\.1)/i, tiles(85, 170)],
  [/gpt-5/i, tiles(70, 140)],
  [/(^|\/)o[13](-|$)/i, tiles(75, 150)],
];

/** The rule of a model by its name; one number for any image where the name says nothing. */
export function imageTokenRule(model: string): ImageTokenRule {
  return RULES.find(([pattern]) => pattern.test(model))?.[1] ?? UNKNOWN;
}
