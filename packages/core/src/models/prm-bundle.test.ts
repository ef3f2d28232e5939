import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stepHeadSize, type StepHead } from '@vlprm/native-cuda';
import type { PrmBundle } from '../records/index.ts';
import { STAND_IN } from './fixtures/stand-in.ts';
import { readPrmBundle, writePrmBundle, type PrmBundleDraft } from './prm-bundle.ts';

const DRAFT: PrmBundleDraft = {
  name: 'test',
  labelSemantics: 'first-error',
  labelRule: 'hybrid',
  aggregation: 'mean',
  threshold: { value: 0.4, chosenOn: 'validation' },
  gateThreshold: null,
  temperature: 1.5,
  blind: false,
  metrics: { validationF1: 0.5, unknown: null },
  supervisedSteps: 12,
  data: { sha256: null, licenses: [] },
  groupsSeen: ['g1'],
  seed: 7,
  versions: {},
};

function head(hiddenSize: number, inputSize = 28): StepHead {
  return {
    inputSize,
    hiddenSize,
    parameters: Float32Array.from({ length: stepHeadSize(inputSize, hiddenSize) }, (_, i) => Math.sin(i)),
  };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vlprm-bundle-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function rewriteManifest(change: (manifest: PrmBundle) => unknown): Promise<void> {
  const path = join(folder, 'prm.json');
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')) as PrmBundle)));
}

describe('a PRM bundle', () => {
  it.each([0, 5])('is read back as it was written (hidden size %i)', async (hiddenSize) => {
    const written = await writePrmBundle(folder, DRAFT, head(hiddenSize), STAND_IN);
    const opened = await readPrmBundle(folder);
    expect(opened.manifest).toEqual(written);
    expect(opened.manifest).toMatchObject({ ...DRAFT, base: { name: 'stand-in', revision: 'random-7' } });
    expect(opened.head).toEqual(head(hiddenSize));
    expect(Object.keys(written.files).sort()).toEqual([
      'base.json',
      'decoder.onnx',
      'head.safetensors',
      'tokenizer.json',
      'vision.onnx',
    ]);
  });

  it('replaces the bundle that was there', async () => {
    await writePrmBundle(folder, DRAFT, head(5), STAND_IN);
    await writePrmBundle(folder, { ...DRAFT, name: 'second' }, head(0), STAND_IN);
    expect((await readPrmBundle(folder)).manifest.name).toBe('second');
  });
});

describe('a bundle that is not whole', () => {
  beforeEach(() => writePrmBundle(folder, DRAFT, head(5), STAND_IN));

  it.each(['head.safetensors', 'vision.onnx', 'decoder.onnx', 'tokenizer.json', 'base.json'])(
    '%s changed by a byte',
    async (name) => {
      const bytes = await readFile(join(folder, name));
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(join(folder, name), bytes);
      await expect(readPrmBundle(folder)).rejects.toMatchObject({ code: 'ERR_BUNDLE_HASH', where: join(folder, name) });
    },
  );

  it.each(['prm.json', 'head.safetensors', 'decoder.onnx'])('%s missing', async (name) => {
    await rm(join(folder, name));
    await expect(readPrmBundle(folder)).rejects.toMatchObject({ code: 'ERR_FILE_MISSING', where: join(folder, name) });
  });

  it('no JSON in prm.json', async () => {
    await writeFile(join(folder, 'prm.json'), '{"schema": "vlprm.prm/1"');
    await expect(readPrmBundle(folder)).rejects.toMatchObject({ code: 'ERR_FILE_MALFORMED' });
  });

  it.each<[string, (manifest: PrmBundle) => unknown, string]>([
    ['another schema', (m) => ({ ...m, schema: 'vlprm.prm/2' }), 'ERR_SCHEMA_VERSION'],
    ['a field missing', (m) => ({ ...m, threshold: undefined }), 'ERR_BUNDLE_INVALID'],
    ['a head of another width', (m) => ({ ...m, head: { ...m.head, inputSize: 108 } }), 'ERR_BUNDLE_INVALID'],
    ['a head of another depth', (m) => ({ ...m, head: { ...m.head, hiddenSize: 6 } }), 'ERR_BUNDLE_INVALID'],
    ['other features', (m) => ({ ...m, head: { ...m.head, features: 'hidden/1' } }), 'ERR_BUNDLE_INVALID'],
    ['another template', (m) => ({ ...m, templateHash: '0'.repeat(64) }), 'ERR_BUNDLE_INVALID'],
    ['another processor', (m) => ({ ...m, processorHash: '0'.repeat(64) }), 'ERR_BUNDLE_INVALID'],
    ['no hash of the head', (m) => ({ ...m, files: { 'base.json': m.files['base.json'] } }), 'ERR_BUNDLE_INVALID'],
  ])('%s', async (_, change, code) => {
    await rewriteManifest(change);
    await expect(readPrmBundle(folder)).rejects.toMatchObject({ code });
  });

  it('a file name that leads out of the folder', async () => {
    await cp(join(folder, 'base.json'), `${folder}-outside`);
    await rewriteManifest((m) => ({ ...m, head: { ...m.head, file: '../outside' } }));
    await expect(readPrmBundle(folder)).rejects.toMatchObject({ code: 'ERR_BUNDLE_INVALID' });
    await rm(`${folder}-outside`);
  });
});
