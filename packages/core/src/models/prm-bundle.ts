import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stepHeadSize, type StepHead } from '@vlprm/native-cuda';
import { PRM_SCHEMA, prmBundleSchema, type PrmBundle } from '../records/prm-bundle.ts';
import { VlprmError } from '../runtime/errors.ts';
import { prmTurns } from '../text/step-grammar.ts';
import { processorHash, readBaseModel, type BaseModel } from './base-model.ts';
import { writeJsonAtomic } from '../runtime/atomic-file.ts';
import { hashFile, sha256 } from '../runtime/content-hash.ts';
import { readJsonFile } from '../runtime/json-files.ts';
import { readBundleFile, verifyFiles } from './bundle-files.ts';
import { decodeSafetensors, encodeSafetensors, type FloatTensor } from './safetensors.ts';
import { STEP_FEATURES, stepFeatureWidth } from './step-features.ts';

const MANIFEST = 'prm.json';
const HEAD = 'head.safetensors';

/** A PRM bundle that has been read and checked. */
export interface OpenedPrmBundle {
  readonly folder: string;
  readonly manifest: PrmBundle;
  readonly base: BaseModel;
  readonly head: StepHead;
}

/** What whoever trains a PRM says about it; the rest of the manifest follows from the files. */
export type PrmBundleDraft = Omit<
  PrmBundle,
  'schema' | 'files' | 'head' | 'base' | 'templateHash' | 'processorHash' | 'labelTokens' | 'createdAt'
>;

/** Identity of the text that a PRM reads for a solution: the turns of a fixed example that uses every part of the grammar. */
export function templateHash(): string {
  const turns = prmTurns('question', [
    { kind: 'perception', text: 'seen' },
    { kind: 'perception', text: 'seen too' },
    { kind: 'reasoning', text: 'concluded' },
    { kind: null, text: 'said' },
  ]);
  return sha256(JSON.stringify(turns));
}

/**
 * Writes a bundle folder: the head as safetensors, the base's files as they are, and `prm.json` last, so that a folder
 * with a manifest is a whole bundle. An existing bundle there is replaced.
 */
export async function writePrmBundle(
  folder: string,
  draft: PrmBundleDraft,
  head: StepHead,
  baseFolder: string,
): Promise<PrmBundle> {
  const base = await readBaseModel(baseFolder);
  await mkdir(folder, { recursive: true });
  await rm(join(folder, MANIFEST), { force: true });
  const headBytes = encodeSafetensors(headTensors(head), { features: STEP_FEATURES });
  await writeFile(join(folder, HEAD), headBytes);
  const files: Record<string, string> = { [HEAD]: sha256(headBytes) };
  const copied = new Set([
    'base.json',
    ...Object.keys(base.files),
    ...(base.groupsSeen === undefined ? [] : [base.groupsSeen]),
  ]);
  for (const name of copied) {
    await copyFile(join(baseFolder, name), join(folder, name));
    files[name] = await hashFile(join(folder, name));
  }
  const manifest = prmBundleSchema.parse({
    ...draft,
    schema: PRM_SCHEMA,
    base: { name: base.name, revision: base.revision },
    files,
    head: { file: HEAD, inputSize: head.inputSize, hiddenSize: head.hiddenSize, features: STEP_FEATURES },
    labelTokens: { positive: '+', negative: '-' },
    templateHash: templateHash(),
    processorHash: processorHash(base),
    createdAt: new Date().toISOString(),
  } satisfies PrmBundle);
  await writeJsonAtomic(join(folder, MANIFEST), manifest);
  return manifest;
}

/**
 * Reads a bundle and checks every file of it. Throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION,
 * ERR_BUNDLE_HASH, or ERR_BUNDLE_INVALID when its parts do not fit each other or this version.
 */
export async function readPrmBundle(folder: string): Promise<OpenedPrmBundle> {
  const manifest = await readJsonFile(join(folder, MANIFEST), prmBundleSchema, 'ERR_BUNDLE_INVALID');
  await verifyFiles(folder, manifest.files);
  const base = await readBaseModel(folder);
  requireFit(folder, manifest, base);
  const tensors = decodeSafetensors(await readBundleFile(folder, manifest.head.file), join(folder, manifest.head.file));
  return { folder, manifest, base, head: assembleHead(folder, manifest.head, tensors) };
}

function invalid(folder: string, what: string): VlprmError {
  return new VlprmError('ERR_BUNDLE_INVALID', what, { where: folder, fix: 'train again with this version' });
}

function requireFit(folder: string, manifest: PrmBundle, base: BaseModel): void {
  const { head } = manifest;
  if (!(head.file in manifest.files)) throw invalid(folder, `prm.json gives no hash of ${head.file}`);
  if (head.features !== STEP_FEATURES)
    throw invalid(folder, `the head reads features ${head.features}, not ${STEP_FEATURES}`);
  if (head.inputSize !== stepFeatureWidth(base.hiddenSize)) {
    throw invalid(
      folder,
      `the head reads ${head.inputSize} features, the base gives ${stepFeatureWidth(base.hiddenSize)}`,
    );
  }
  if (manifest.templateHash !== templateHash()) throw invalid(folder, 'it was trained on another text template');
  if (manifest.processorHash !== processorHash(base))
    throw invalid(folder, 'it was trained on another image or text processor');
}

interface NamedPart {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Names and shapes of a head's tensors, in the order of its flat parameters. */
function headParts({ inputSize, hiddenSize }: Pick<StepHead, 'inputSize' | 'hiddenSize'>): NamedPart[] {
  if (hiddenSize === 0) {
    return [
      { name: 'weight', shape: [inputSize] },
      { name: 'bias', shape: [1] },
    ];
  }
  return [
    { name: 'hidden.weight', shape: [hiddenSize, inputSize] },
    { name: 'hidden.bias', shape: [hiddenSize] },
    { name: 'output.weight', shape: [hiddenSize] },
    { name: 'output.bias', shape: [1] },
  ];
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function headTensors(head: StepHead): Record<string, FloatTensor> {
  let from = 0;
  return Object.fromEntries(
    headParts(head).map(({ name, shape }) => {
      const data = head.parameters.subarray(from, (from += countOf(shape)));
      return [name, { shape, data }];
    }),
  );
}

function assembleHead(
  folder: string,
  head: PrmBundle['head'],
  tensors: Readonly<Record<string, FloatTensor>>,
): StepHead {
  const { inputSize, hiddenSize } = head;
  const parameters = new Float32Array(stepHeadSize(inputSize, hiddenSize));
  let at = 0;
  for (const { name, shape } of headParts(head)) {
    const tensor = tensors[name];
    if (tensor === undefined || tensor.shape.join() !== shape.join()) {
      throw invalid(folder, `${head.file} has no tensor ${name} of shape [${shape.join(', ')}]`);
    }
    if (!tensor.data.every(Number.isFinite)) throw invalid(folder, `tensor ${name} of ${head.file} is not finite`);
    parameters.set(tensor.data, at);
    at += tensor.data.length;
  }
  return { inputSize, hiddenSize, parameters };
}
