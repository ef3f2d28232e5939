import type { ImageRef, Trace } from '@vlprm/core/records';
import type { Dataset } from '@vlprm/data/storage';

/** The pictures of traces as data URLs by sha256, each once. @throws what reading an image of the dataset throws */
export async function dataUrlsOf(dataset: Dataset, traces: readonly Trace[]): Promise<Record<string, string>> {
  const images = new Map(traces.flatMap((trace) => trace.images.map((image) => [image.sha256, image] as const)));
  const urls: Record<string, string> = {};
  for (const image of images.values()) urls[image.sha256] = await dataUrl(dataset, image);
  return urls;
}

async function dataUrl(dataset: Dataset, image: ImageRef): Promise<string> {
  return `data:${image.mime};base64,${Buffer.from(await dataset.image(image)).toString('base64')}`;
}
