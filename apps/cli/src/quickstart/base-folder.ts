import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The tiny vision-language base that the trainer package ships. */
export function shippedBaseFolder(): string {
  const manifest = fileURLToPath(import.meta.resolve('@vlprm/train/package.json'));
  return join(dirname(manifest), 'models', 'tiny-vlm');
}
