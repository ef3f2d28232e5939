import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOnnx, OnnxWorker, type OnnxFeeds, type OnnxSession } from './session.ts';

const VISION = fileURLToPath(new URL('../fixtures/stand-in/vision.onnx', import.meta.url));

function images(count: number, value: number): OnnxFeeds {
  return {
    image: { type: 'float32', dims: [count, 3, 24, 24], data: new Float32Array(count * 3 * 24 * 24).fill(value) },
  };
}

describe('an ONNX session in its worker', () => {
  let session: OnnxSession;
  beforeAll(async () => {
    session = await openOnnx(VISION, { threads: 1 });
  });
  afterAll(() => session.close());

  it('names its inputs and outputs', () => {
    expect(session.inputs).toEqual(['image']);
    expect(session.outputs).toEqual(['embeddings']);
  });

  it('runs a batch of any size and returns tensors of the main thread', async () => {
    const { embeddings } = await session.run(images(3, 0.5));
    expect(embeddings).toMatchObject({ type: 'float32', dims: [3, 4, 16] });
    expect(embeddings!.data).toBeInstanceOf(Float32Array);
    expect(embeddings!.data).toHaveLength(3 * 4 * 16);
    expect((embeddings!.data as Float32Array).every(Number.isFinite)).toBe(true);
  });

  it('answers runs that were asked at once, each with its own result', async () => {
    const alone = await Promise.all([session.run(images(1, 0)), session.run(images(1, 1))]);
    const [dark, light] = alone.map(({ embeddings }) => [...(embeddings!.data as Float32Array)]);
    expect(dark).not.toEqual(light);
    const again = await session.run(images(1, 0));
    expect([...(again['embeddings']!.data as Float32Array)]).toEqual(dark);
  });

  it('keeps the feeds unless they are handed over', async () => {
    const kept = images(1, 0.25);
    await session.run(kept);
    expect(kept['image']!.data).toHaveLength(1728);
    const given = images(1, 0.25);
    await session.run(given, { transfer: true });
    expect(given['image']!.data).toHaveLength(0);
  });

  it('opens a model from its bytes to the same result', async () => {
    const worker = new OnnxWorker();
    const fromBytes = await worker.open(await readFile(VISION));
    const [a, b] = await Promise.all([fromBytes.run(images(1, 0.3)), session.run(images(1, 0.3))]);
    expect(a['embeddings']!.data).toEqual(b['embeddings']!.data);
    await worker.close();
  });

  it('leaves the main thread free while it runs', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for (let i = 0; i < 20; i++) await session.run(images(256, 0.1), { transfer: true });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });
});

describe('what an ONNX session refuses', () => {
  it('a file that is no model', async () => {
    await expect(openOnnx(fileURLToPath(import.meta.url))).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
  });

  it('a file that is not there', async () => {
    await expect(openOnnx('/nowhere/model.onnx')).rejects.toMatchObject({
      code: 'ERR_MODEL_FAILED',
      where: '/nowhere/model.onnx',
    });
  });

  it('a thread count below 1', async () => {
    await expect(openOnnx(VISION, { threads: 0 })).rejects.toMatchObject({ code: 'ERR_RANGE' });
  });

  it('feeds with wrong dims or names, and goes on serving', async () => {
    const session = await openOnnx(VISION);
    const wrong: OnnxFeeds = { image: { type: 'float32', dims: [1, 3, 5, 5], data: new Float32Array(75) } };
    await expect(session.run(wrong)).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
    await expect(session.run({})).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
    await expect(session.run(images(1, 0))).resolves.toHaveProperty('embeddings');
    await session.close();
  });

  it('a run after close', async () => {
    const session = await openOnnx(VISION);
    await session.close();
    await expect(session.run(images(1, 0))).rejects.toMatchObject({ code: 'ERR_MODEL_FAILED' });
  });
});

it('without onnxruntime-node says what to install, in a process that then ends by itself', async () => {
  const script = `
    import { openOnnx } from ${JSON.stringify(new URL('./session.ts', import.meta.url).href)};
    await openOnnx('model.onnx').catch((error) => console.log(error.toLine()));
  `;
  const preload = new URL('../fixtures/without-onnxruntime.mjs', import.meta.url).href;
  const flags = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const env = { ...process.env, NODE_OPTIONS: `--import ${preload}` };
  const { stdout } = await promisify(execFile)(process.execPath, flags, { env, timeout: 50_000 });
  expect(stdout).toMatch(/^error\[ERR_BACKEND_UNAVAILABLE\]: .*npm install onnxruntime-node\n$/);
});
