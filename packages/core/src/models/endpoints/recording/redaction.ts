import { sha256 } from '../../../runtime/content-hash.ts';
import { imageMime } from '../../image-format.ts';
import type { RecordedRequest } from './exchange.ts';

export interface RedactionOptions {
  /** Names of further headers that hold secrets; case does not matter. */
  readonly headers?: readonly string[];
  /** Names of further fields of request bodies, at any depth, whose values are left out. */
  readonly fields?: readonly string[];
}

/** Stands where a secret was. */
export const REDACTED = '[redacted]';

/** Headers and parameters of queries that hold secrets. */
const SECRET_NAME = /auth|cookie|passw|secret|signature|credential|key|token|^(sig|code)$/i;
/** Fields of bodies that do: few, for a body is what tells one request from another. */
const SECRET_FIELD =
  /^(authorization|cookie|password|secret|credentials|(api|access|subscription|secret)[-_]?key|(access|auth)[-_]?token)$/i;
const AUTHORIZATION_SCHEME = /^(basic|bearer|digest|negotiate|apikey)$/i;
/** What is shorter protects nothing, and would be found in any text. */
const SHORTEST_SECRET = 8;

/** A header's value, its words, and what these assign: `Bearer KEY`, `session=ID; theme=dark`. */
function secretParts(value: string): string[] {
  const words = value.split(/[;,\s]+/);
  return [value, ...words, ...words.map((word) => word.slice(word.indexOf('=') + 1))];
}

/** The secrets that the headers and the query of a request carry: what is left out wherever it turns up again. */
export function findSecrets(
  headers: Headers,
  query: URLSearchParams,
  { headers: named = [] }: RedactionOptions,
): string[] {
  const further = new Set(named.map((name) => name.toLowerCase()));
  const values = [
    ...[...headers].flatMap(([name, value]) => (SECRET_NAME.test(name) || further.has(name) ? secretParts(value) : [])),
    ...[...query].flatMap(([name, value]) => (SECRET_NAME.test(name) ? [value] : [])),
  ];
  const secrets = values.filter((value) => value.length >= SHORTEST_SECRET && !AUTHORIZATION_SCHEME.test(value));
  return [...new Set(secrets)].toSorted((a, b) => b.length - a.length);
}

/** A text without the secrets, also where it holds them as JSON or in a URL. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
}

type Json = RecordedRequest['body'];

const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+);base64,([A-Za-z0-9+/]*=*)$/;
const BASE64 = /^[A-Za-z0-9+/]{32,}={0,2}$/;
/** How PNG, JPEG and RIFF begin in base64, and all that follows. */
const IMAGE_INSIDE = /(?:iVBORw0KGg|\/9j\/|UklGR)[A-Za-z0-9+/]{20,}={0,2}/g;

/** What stands for an image; null for a text that is none. */
function imageNote(text: string): Json | null {
  const [, mime, base64 = text] = DATA_URL.exec(text) ?? [];
  if (mime === undefined && !BASE64.test(text)) return null;
  const bytes = Buffer.from(base64, 'base64');
  const found = mime ?? imageMime(bytes);
  return found === null ? null : { image: { sha256: sha256(bytes), mime: found, bytes: bytes.length } };
}

/** A text without the bytes of images that stand in the middle of it, as servers quote them in errors. */
const withoutImages = (text: string): string =>
  text.replaceAll(IMAGE_INSIDE, (base64) => `[image sha256:${sha256(Buffer.from(base64, 'base64'))}]`);

/** A request's body as it is recorded: images by hash, secrets and secret fields left out. */
export function redactBody(body: Json, secrets: readonly string[], { fields = [] }: RedactionOptions): Json {
  const further = new Set(fields);
  const redact = (value: Json): Json => {
    if (typeof value === 'string') return imageNote(value) ?? withoutSecrets(withoutImages(value), secrets);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(redact);
    const kept = Object.entries(value).map(([name, field]): [string, Json] => [
      withoutSecrets(name, secrets),
      SECRET_FIELD.test(name) || further.has(name) ? REDACTED : redact(field),
    ]);
    return Object.fromEntries(kept);
  };
  return redact(body);
}

/** Path and query without secrets. */
export function redactPath({ pathname, searchParams }: URL, secrets: readonly string[]): string {
  const query = new URLSearchParams();
  for (const [name, value] of searchParams) query.append(name, SECRET_NAME.test(name) ? REDACTED : value);
  return withoutSecrets(query.size === 0 ? pathname : `${pathname}?${query.toString()}`, secrets);
}

/** A response's body without secrets and images that the server repeats. */
export const redactText = (text: string, secrets: readonly string[]): string =>
  withoutSecrets(withoutImages(text), secrets);
