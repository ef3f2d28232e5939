import { lookup as lookupName, type LookupAddress } from 'node:dns';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { VlprmError } from '../runtime/errors.ts';
import { within } from '../runtime/flow/abort.ts';
import { imageMime } from './image-format.ts';

/** What a remote image may be, and from where it may come. */
export const remoteImageLimitsSchema = z.strictObject({
  maxBytes: z
    .int()
    .positive()
    .default(20 * 1024 * 1024),
  /** Width times height, read from the header before anything is decoded. */
  maxPixels: z.int().positive().default(50_000_000),
  maxRedirects: z.int().nonnegative().default(3),
  /** For the image with all its redirects. */
  timeoutSeconds: z.number().positive().default(30),
  /** Hosts (`host` or `host:port`) that may have a private address: an intranet's image server. */
  allowedHosts: z.array(z.string().min(1)).default([]),
});
export type RemoteImageLimits = z.output<typeof remoteImageLimitsSchema>;

export interface RemoteImage {
  /** As they came: PNG, JPEG or WebP. */
  readonly bytes: Uint8Array;
  readonly mime: 'image/png' | 'image/jpeg' | 'image/webp';
  readonly width: number;
  readonly height: number;
}

export interface RemoteImageOptions extends Partial<RemoteImageLimits> {
  /** What the error names beside the URL, e.g. the line of a file. */
  readonly where?: string;
  readonly signal?: AbortSignal;
  /** Resolves host names. Default: the system's resolver. */
  readonly lookup?: typeof lookupName;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A URL without what may be secret in it: user, password, query; undefined for what is no http URL. */
function shown(text: string): string | undefined {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`;
}

function refused(what: string, fix: string, cause?: unknown): VlprmError {
  return new VlprmError('ERR_IMAGE_FETCH', what, { fix, ...(cause === undefined ? {} : { cause }) });
}

/** IPv6 gives out no other addresses to the public: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** True for an address that anybody can reach; loopback, private, link-local and reserved ones are not. */
function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const read = ipaddr.process(address);
  return read.range() === 'unicast' && (read instanceof ipaddr.IPv4 || read.match(GLOBAL_UNICAST));
}

function requirePublic(address: string, host: string): void {
  if (isPublic(address)) return;
  throw refused(
    `${host} has the address ${address}, which is not a public one`,
    'give the image as a file, or list the host in remoteImages.allowedHosts',
  );
}

/**
 * Resolves a name and refuses it when any of its addresses is private. The connection is made to these very addresses,
 * so a name that resolves to another address the next time (DNS rebinding) gains nothing.
 */
function guardedLookup(resolve: typeof lookupName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error: Error | null, addresses: LookupAddress[]) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      try {
        for (const { address } of addresses) requirePublic(address, hostname);
      } catch (refusal) {
        callback(refusal as Error, []);
        return;
      }
      const [first] = addresses;
      if (options.all === true || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw refused('that is no URL', 'give one that begins with http:// or https://');
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`a ${url.protocol} URL is not fetched`, 'give an http or https URL, or the path of a file');
  }
  if (url.username !== '' || url.password !== '') {
    throw refused('a URL with a user or password in it is not fetched', 'give the image as a file');
  }
  return url;
}

/** One request, up to the response's headers. */
function get(
  url: URL,
  { allowedHosts, lookup, signal }: { allowedHosts: readonly string[]; lookup: typeof lookupName; signal: AbortSignal },
): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const trusted = allowedHosts.includes(url.hostname) || allowedHosts.includes(url.host);
  // For a literal address no lookup takes place.
  if (!trusted && isIP(host) !== 0) requirePublic(host, url.hostname);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      headers: { accept: 'image/png, image/jpeg, image/webp', 'accept-encoding': 'identity' },
      signal,
      ...(trusted ? {} : { lookup: guardedLookup(lookup) }),
    });
    outgoing.once('response', resolve).once('error', reject).end();
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): VlprmError => refused(`the image has more than ${maxBytes} bytes`, 'give a smaller one');
  if (Number(response.headers['content-length']) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

async function describe(bytes: Uint8Array, maxPixels: number): Promise<RemoteImage> {
  const mime = imageMime(bytes);
  if (mime === null) throw refused('what came is no PNG, JPEG or WebP image', 'check the URL');
  const { default: sharp } = await import('sharp');
  const { width, height } = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw refused('the header of the image cannot be read', 'check the image', cause);
    });
  if (width * height > maxPixels) {
    throw refused(`the image has ${width} x ${height} pixels, more than ${maxPixels}`, 'give a smaller one');
  }
  return { bytes, mime, width, height };
}

type Fetching = RemoteImageLimits & { readonly lookup: typeof lookupName; readonly signal: AbortSignal };

async function fetchFrom(url: URL, limits: Fetching, redirectsLeft: number): Promise<RemoteImage> {
  const response = await get(url, limits);
  try {
    const { statusCode = 0 } = response;
    if (REDIRECTS.has(statusCode) && response.headers.location !== undefined) {
      if (redirectsLeft === 0) throw refused(`more than ${limits.maxRedirects} redirects`, 'give the final URL');
      return await fetchFrom(parseUrl(response.headers.location, url), limits, redirectsLeft - 1);
    }
    if (statusCode !== 200) throw refused(`the server answered with status ${statusCode}`, 'check the URL');
    return await describe(await readBody(response, limits.maxBytes), limits.maxPixels);
  } finally {
    response.destroy();
  }
}

/**
 * Fetches an image under limits. Only http and https; every hop of a redirect is checked anew; private, loopback,
 * link-local and other reserved addresses are refused when the connection is made (server-side request forgery,
 * https://owasp.org/www-community/attacks/Server_Side_Request_Forgery); what came is judged by its magic bytes.
 * The pixels are not decoded here.
 * @throws ERR_IMAGE_FETCH naming the URL without its query, ERR_ABORTED
 */
export async function fetchRemoteImage(text: string, options: RemoteImageOptions = {}): Promise<RemoteImage> {
  const { where, signal, lookup = lookupName, ...given } = options;
  const limits = remoteImageLimitsSchema.parse(given);
  const timeoutMs = limits.timeoutSeconds * 1000;
  try {
    const url = parseUrl(text);
    return await within({ signal, timeoutMs, timeoutError: overtime }, (stop) =>
      fetchFrom(url, { ...limits, lookup, signal: stop.signal }, limits.maxRedirects),
    );
  } catch (error) {
    if (VlprmError.is(error) && error.code !== 'ERR_IMAGE_FETCH') throw error;
    throw located(error, [where, shown(text)]);
  }
}

function overtime(timeoutMs: number): VlprmError {
  return refused(`the image did not come within ${timeoutMs / 1000} s`, 'raise remoteImages.timeoutSeconds');
}

function located(error: unknown, places: readonly (string | undefined)[]): VlprmError {
  const where = places.filter((place) => place !== undefined).join(': ');
  const known = VlprmError.is(error) ? error : refused(reasonOf(error), 'check the URL', error);
  return new VlprmError(known.code, known.message, {
    ...(where === '' ? {} : { where }),
    ...(known.fix === null ? {} : { fix: known.fix }),
    cause: known.cause,
  });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `the image did not come${code}`;
}
