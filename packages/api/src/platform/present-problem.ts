import type { PresentedProblem } from '@vlprm/core';
import { PROBLEM_SCHEMA } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import { describeImage } from '@vlprm/data/problems';

export interface Asked {
  /** PNG, JPEG or WebP bytes. */
  readonly image: Uint8Array;
  readonly question: string;
  readonly options?: readonly string[] | null;
  /** What to call the image in errors; default `image`. */
  readonly where?: string;
}

/**
 * The problem that somebody asks with a picture and a question. Its id is a hash of both.
 * @throws ERR_IMAGE_DECODE
 */
export async function presentProblem({
  image,
  question,
  options = null,
  where = 'image',
}: Asked): Promise<PresentedProblem> {
  const ref = await describeImage(image, where, where);
  const id = contentHash([ref.sha256, question, options]);
  return {
    problem: {
      schema: PROBLEM_SCHEMA,
      id,
      groupId: ref.sha256,
      images: [ref],
      question,
      options: options === null ? null : [...options],
      source: 'asked',
    },
    images: [image],
  };
}
