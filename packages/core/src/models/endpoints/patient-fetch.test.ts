import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientFetch } from './patient-fetch.ts';

/** undici looks at its timers about twice a second. */
const SILENCE_MS = 2_500;

const server = createServer((_, response) => {
  void sleep(SILENCE_MS).then(() => response.end('late'));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => void server.close());

test('a server may be silent for longer than the process-wide limit', { timeout: 20_000 }, async () => {
  const usual = getGlobalDispatcher();
  setGlobalDispatcher(new Agent({ headersTimeout: 100 }));
  try {
    const [impatient, patient] = await Promise.allSettled([fetch(url), patientFetch(url)]);
    expect(impatient).toMatchObject({ status: 'rejected', reason: { cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } } });
    expect(patient.status === 'fulfilled' && (await patient.value.text())).toBe('late');
  } finally {
    setGlobalDispatcher(usual);
  }
});

test('its signal ends the wait', async () => {
  const stop = new AbortController();
  const waiting = patientFetch(url, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
