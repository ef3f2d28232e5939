import { expect, test } from 'vitest';
import { activeBackend, backends } from './backends.ts';
import { DeviceBuffer } from './device-buffer.ts';
import { mcLabels } from './ops/mcLabels.ts';
import { kernelReport } from './report.ts';

test('the report says what there is, how fast it is, and what was called', () => {
  const before = kernelReport();
  mcLabels({ outcomes: Uint8Array.of(1), offsets: Int32Array.of(0, 1) }, { backend: 'js' });
  using buffer = DeviceBuffer.from(new Float32Array(1000));
  const after = kernelReport();
  expect(after.active).toBe(activeBackend());
  expect(after.backends).toEqual(backends());
  expect(after.calls['mcLabels on js, at once']).toBe((before.calls['mcLabels on js, at once'] ?? 0) + 1);
  const held = buffer.backend === 'js' ? 0 : buffer.byteLength;
  expect(after.memory.cpuBytes + after.memory.cudaBytes - before.memory.cpuBytes - before.memory.cudaBytes).toBe(held);
});

test('speeds are measured once, for the backends that there are', () => {
  const { speed, longCallBytes } = kernelReport();
  expect(kernelReport().speed).toEqual(speed);
  const [, cpu, cuda] = backends();
  expect([speed.cpu !== null, longCallBytes !== null, speed.cuda !== null]).toEqual([
    cpu?.available,
    cpu?.available,
    cuda?.available,
  ]);
  const rates = [speed.js, speed.cpu, speed.cuda].flatMap((one) => Object.values<number>({ ...one }));
  for (const rate of rates) expect(rate).toBeGreaterThan(0);
});

test('it can be written down', () => {
  const report = kernelReport();
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});
