import { dirname } from 'node:path';
import { imageRefSchema, PROBLEM_SCHEMA, type Problem } from '@vlprm/core/records';
import { contentHash, readJsonl, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import { readImageFile, type ImageFile, type ImageOrigin } from './image-file.ts';
import type { LoadedProblem } from './loaded-problem.ts';

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

/**
 * Problems of a JSONL file with the bytes of their images, in order. Image paths are relative to the file; http(s) URLs
 * are fetched where `from.remote` allows it. `id` defaults to a hash of what the problem says, `groupId` to a hash of
 * its images. An error names `file:line`.
 * @throws ERR_FILE_MISSING for the file or an image; ERR_FILE_MALFORMED; ERR_SCHEMA_VERSION; ERR_IMAGE_FETCH;
 *   ERR_IMAGE_DECODE; ERR_ABORTED; ERR_DATASET_INVALID for an image that does not match its hash, an id that is there twice, or a file without problems
 */
export async function readProblems(path: string, from: Omit<ImageOrigin, 'folder'> = {}): Promise<LoadedProblem[]> {
  const images = { ...from, folder: dirname(path) };
  const problems: LoadedProblem[] = [];
  const lines = new Map<string, number>();
  for await (const { line, value: row } of readJsonl(path, rowSchema)) {
    const where = `${path}:${line}`;
    const files = await readRowImages(row, images, where);
    const { options = null, answer = null, source = 'problems-jsonl' } = row;
    const loaded = toProblem({ ...row, options, answer, source }, files);
    const first = lines.get(loaded.problem.id);
    if (first !== undefined) {
      throw new VlprmError('ERR_DATASET_INVALID', `the same problem as in line ${first}`, {
        where,
        fix: 'remove one of them',
      });
    }
    lines.set(loaded.problem.id, line);
    problems.push(loaded);
  }
  if (problems.length === 0) {
    throw new VlprmError('ERR_DATASET_INVALID', 'the file holds no problem', {
      where: path,
      fix: 'give one JSON object a line',
    });
  }
  return problems;
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
