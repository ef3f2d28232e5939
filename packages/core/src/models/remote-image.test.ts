import type { LookupAddress } from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchRemoteImage, type RemoteImageOptions } from './remote-image.ts';

let png: Buffer;
let respond: RequestListener;
let requests = 0;
let server: Server;
let host: string;

beforeAll(async () => {
  png = await sharp({ create: { width: 8, height: 6, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  server = createServer((request, response) => {
    requests++;
    respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  requests = 0;
  server.closeAllConnections();
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const sendPng: RequestListener = (_, response) => void response.end(png);
const load = (path = '/a.png', options: RemoteImageOptions = {}) =>
  fetchRemoteImage(`http://${host}${path}`, { allowedHosts: [host], ...options });
const refusal = (message: RegExp) => ({ code: 'ERR_IMAGE_FETCH', message: expect.stringMatching(message) as string });

/** A resolver that gives these addresses, in the form that was asked for. */
const resolver = (...addresses: string[]): NonNullable<RemoteImageOptions['lookup']> =>
  ((_: string, __: object, callback: (error: null, found: LookupAddress[]) => void) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as never;

describe('a remote image', () => {
  it('comes as it is, with what its bytes say', async () => {
    respond = (_, response) => void response.setHeader('content-type', 'text/html').end(png);
    expect(await load()).toEqual({ bytes: new Uint8Array(png), mime: 'image/png', width: 8, height: 6 });
  });

  it('may be redirected, a few times', async () => {
    respond = ({ url }, response) => {
      const step = Number(url?.slice(1));
      if (step === 3) response.end(png);
      else response.writeHead(302, { location: `/${step + 1}` }).end();
    };
    expect(await load('/0')).toMatchObject({ width: 8 });
    await expect(load('/0', { maxRedirects: 2 })).rejects.toMatchObject(refusal(/more than 2 redirects/));
  });

  it.each([
    ['no image', (_, response) => void response.end('<html>'), {}, /no PNG, JPEG or WebP/],
    ['a torn header', (_, response) => void response.end(png.subarray(0, 20)), {}, /header of the image/],
    ['too many pixels', sendPng, { maxPixels: 47 }, /8 x 6 pixels, more than 47/],
    ['a length that is too large', sendPng, { maxBytes: 50 }, /more than 50 bytes/],
    ['an error', (_, response) => void response.writeHead(404).end(png), {}, /status 404/],
    ['a cut body', (_, response) => void response.writeHead(200, { 'content-length': 999 }).write(png), {}, /0\.2 s/],
    ['nothing', () => undefined, {}, /within 0\.2 s/],
    ['a redirect to a file', redirect('file:///etc/passwd'), {}, /a file: URL is not fetched/],
    ['a redirect to another host', redirect('http://127.0.0.2/a.png'), {}, /127\.0\.0\.2, which is not a public/],
  ] as [string, RequestListener, RemoteImageOptions, RegExp][])('is refused for %s', async (_, answer, limits, why) => {
    respond = answer;
    await expect(load('/a.png', { timeoutSeconds: 0.2, ...limits })).rejects.toMatchObject(refusal(why));
  });

  it('is refused while it streams, before it is whole', async () => {
    let sent = 0;
    respond = (_, response) => {
      const more = (): void => {
        sent++;
        if (!response.destroyed) response.write(Buffer.alloc(64 * 1024), more);
      };
      more();
    };
    await expect(load('/a.png', { maxBytes: 200_000 })).rejects.toMatchObject(refusal(/more than 200000 bytes/));
    expect(sent).toBeLessThan(1000);
  });

  it.each(['file:///etc/passwd', 'ftp://example.org/a.png', 'data:image/png;base64,AA==', 'a.png', ''])(
    'is not fetched from %j',
    async (url) => {
      await expect(fetchRemoteImage(url)).rejects.toMatchObject({ code: 'ERR_IMAGE_FETCH' });
    },
  );

  it('tells no password and no query', async () => {
    const failing = fetchRemoteImage('http://me:secret@127.0.0.1/a.png?token=secret', { where: 'rows.jsonl:3' });
    const error = (await failing.catch((reason: unknown) => reason)) as Error & { toLine(): string };
    expect(error.toLine()).toMatch(/rows\.jsonl:3/);
    expect(error.toLine()).not.toContain('secret');
    const signed = fetchRemoteImage('http://127.0.0.1/a.png?token=secret');
    await expect(signed).rejects.toMatchObject({ where: 'http://127.0.0.1/a.png' });
  });

  it('ends with the signal of the caller', async () => {
    const controller = new AbortController();
    respond = () => controller.abort();
    await expect(load('/a.png', { signal: controller.signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

function redirect(location: string): RequestListener {
  return (_, response) => void response.writeHead(301, { location }).end();
}

describe('private addresses', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '[::1]',
    '[fd00::1]',
    '[fe80::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[::127.0.0.1]',
    '2130706433',
    '0x7f.1',
  ])('are refused as a literal: %s', async (address) => {
    await expect(fetchRemoteImage(`http://${address}/a.png`)).rejects.toMatchObject(refusal(/not a public one/));
  });

  it('are refused when a name resolves to one, also beside a public one', async () => {
    const port = host.split(':')[1];
    for (const addresses of [['127.0.0.1'], ['93.184.215.14', '10.0.0.1'], ['::ffff:10.0.0.1']]) {
      const fetching = fetchRemoteImage(`http://example.org:${port}/a.png`, { lookup: resolver(...addresses) });
      await expect(fetching).rejects.toMatchObject(refusal(/example\.org has the address .*not a public one/));
    }
    expect(requests).toBe(0);
  });

  it('are fetched from where the host is listed', async () => {
    respond = sendPng;
    const port = host.split(':')[1];
    const options = { allowedHosts: ['localhost'], timeoutSeconds: 5 };
    expect(await fetchRemoteImage(`http://localhost:${port}/a.png`, options)).toMatchObject({ height: 6 });
    const other = fetchRemoteImage(`http://127.0.0.1:${port}/a.png`, options);
    await expect(other).rejects.toMatchObject(refusal(/not a public one/));
  });
});
