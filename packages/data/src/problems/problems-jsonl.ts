import { dirname } from 'node:path';
import { imageRefSchema, PROBLEM_SCHEMA, type Problem } from '@vlprm/core/records';
import { contentHash, readJsonlRows, throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import { readImageFile, type ImageFile, type ImageOrigin } from './image-file.ts';
import type { LoadedProblem } from './loaded-problem.ts';
import { rejectProblem, type ProblemRow } from './problem-source.ts';

const text = z.string().trim().min(1);
const imageSchema = z.union([text, imageRefSchema.partial().extend({ path: text })]);

/**
 * A row of a problem file: a `vlprm.problem/1` record, or as little of one as a question and an image path.
 * Fields that are not named here are passed over.
 */
const rowSchema = z
  .object({
    schema: z.literal(PROBLEM_SCHEMA).optional(),
    id: text.optional(),
    groupId: text.optional(),
    image: imageSchema.optional(),
    images: z.array(imageSchema).optional(),
    question: text,
    options: z.array(text).min(2).nullable().optional(),
    answer: z
      .union([text, z.number().transform(String)])
      .nullable()
      .optional(),
    source: text.optional(),
  })
  .refine((row) => row.image === undefined || row.images === undefined, {
    message: 'both image and images are given',
    path: ['images'],
  });
type Row = z.output<typeof rowSchema>;

interface ProblemFields {
  readonly question: string;
  readonly options: readonly string[] | null;
  readonly answer: string | null;
  readonly source: string;
  readonly id?: string | undefined;
  readonly groupId?: string | undefined;
}

/** Problems over the same pictures share a group; without pictures, those with the same question. */
function groupOf(images: readonly ImageFile[], question: string): string {
  return contentHash(images.length > 0 ? images.map(({ ref }) => ref.sha256) : question);
}

function toProblem(fields: ProblemFields, images: readonly ImageFile[]): LoadedProblem {
  const { question, answer, source } = fields;
  const options = fields.options === null ? null : [...fields.options];
  const shas = images.map(({ ref }) => ref.sha256);
  const problem: Problem = {
    schema: PROBLEM_SCHEMA,
    id: fields.id ?? contentHash({ images: shas, question, options, answer }),
    groupId: fields.groupId ?? groupOf(images, question),
    images: images.map(({ ref }) => ref),
    question,
    options,
    answer,
    source,
  };
  return { problem, images: images.map(({ bytes }) => bytes) };
}

async function readRowImages(row: Row, from: ImageOrigin, where: string): Promise<ImageFile[]> {
  const named = row.images ?? (row.image === undefined ? [] : [row.image]);
  return Promise.all(
    named.map(async (image) => {
      const path = typeof image === 'string' ? image : image.path;
      const file = await readImageFile(path, from, `${where}: ${path}`);
      if (typeof image !== 'string' && image.sha256 !== undefined && image.sha256 !== file.ref.sha256) {
        throw new VlprmError('ERR_DATASET_INVALID', 'the image is not the one whose hash the row gives', {
          where: `${where}: ${path}`,
          fix: 'restore the image, or remove sha256 from the row',
        });
      }
      return file;
    }),
  );
}

type ProblemFileOrigin = Omit<ImageOrigin, 'folder'>;

async function loadRow(row: Row, images: ImageOrigin, where: string): Promise<LoadedProblem> {
  const { options = null, answer = null, source = 'problems-jsonl' } = row;
  return { ...toProblem({ ...row, options, answer, source }, await readRowImages(row, images, where)), where };
}

async function* problemRows(path: string, from: ProblemFileOrigin): AsyncGenerator<ProblemRow> {
  const images = { ...from, folder: dirname(path) };
  for await (const row of readJsonlRows(path, rowSchema)) {
    if ('error' in row) {
      yield { reject: rejectProblem(null, row.error) };
      continue;
    }
    try {
      yield await loadRow(row.value, images, `${path}:${row.line}`);
    } catch (error) {
      throwIfAborted(from.signal);
      if (!VlprmError.is(error)) throw error;
      yield { reject: rejectProblem(row.value.id ?? null, error) };
    }
  }
}

/**
 * Problems of a JSONL file as a source that holds one row at a time and reads the file anew each time it is iterated.
 * Image paths are relative to the file; http(s) URLs are fetched, in every pass, where `from.remote` allows it. `id`
 * defaults to a hash of what the problem says, `groupId` to a hash of its images. A row that cannot be read (broken JSON,
 * a missing field, an image that is not there or cannot be decoded) is a reject that names `file:line`.
 * Iterating throws ERR_FILE_MISSING, ERR_FILE_MALFORMED for the file, and ERR_ABORTED.
 */
export function streamProblems(path: string, from: ProblemFileOrigin = {}): AsyncIterable<ProblemRow> {
  return { [Symbol.asyncIterator]: () => problemRows(path, from) };
}

/**
 * A problem from an image file and a question, as `solve` is asked.
 * @throws ERR_FILE_MISSING, ERR_IMAGE_DECODE
 */
export async function problemFromImage(
  imagePath: string,
  question: string,
  options: readonly string[] | null = null,
): Promise<LoadedProblem> {
  return toProblem({ question, options, answer: null, source: 'image' }, [await readImageFile(imagePath)]);
}
