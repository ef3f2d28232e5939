import type { ServiceError } from '../../../runtime/gateway/index.ts';
import { oneLine } from './server-words.ts';
import { failureAt, type FailureSite } from './site.ts';

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its host name does not exist',
  EAI_AGAIN: 'its host name cannot be resolved now',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  EADDRNOTAVAIL: 'no local port is free for it',
  ETIMEDOUT: 'it does not take the connection',
  UND_ERR_CONNECT_TIMEOUT: 'it does not take the connection',
};
const TLS = /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_|EPROTO/;
const TIMEOUT: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** What undici throws for what is no HTTP; not always with a code of its parser, `HPE_…`. */
const NO_HTTP = 'HTTPParserError';

interface Cause {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

/** The innermost cause that has a code; several addresses of one host come as an AggregateError. */
function rootCause(error: unknown): Cause {
  let found: Cause = { name: '', code: '', message: String(error) };
  for (let at = error; at instanceof Error; at = at instanceof AggregateError ? at.errors[0] : at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : found.code;
    found = { name: at.name, code, message: at.message === '' ? found.message : at.message };
  }
  return found;
}

/** The error for a call that brought no response, or only a part of one: what `fetch` or the reading of its body threw. */
export function connectionFailure(error: unknown, site: FailureSite): ServiceError {
  const { name, code, message } = rootCause(error);
  const detail = (fix: string): { fix: string; cause: unknown } => ({ fix, cause: error });
  const words = oneLine(code === '' ? message : `${code}, ${message}`, site.secrets);
  const unreachable = UNREACHABLE[code];
  if (unreachable !== undefined) {
    const what = `no server answers: ${unreachable} (${code})`;
    return failureAt(site, 'ERR_ENDPOINT_UNREACHABLE', what, detail('check `baseUrl`, and that the server runs'));
  }
  if (message === 'bad port') {
    const what = 'no server answers: HTTP clients refuse this port, which belongs to another protocol';
    return failureAt(site, 'ERR_ENDPOINT_UNREACHABLE', what, detail('let the server listen on another port'));
  }
  if (TLS.test(code)) {
    const fix = 'check that `baseUrl` has the right scheme, and the certificate of the server (NODE_EXTRA_CA_CERTS)';
    return failureAt(site, 'ERR_ENDPOINT_UNREACHABLE', `no safe connection can be made (${words})`, detail(fix));
  }
  if (TIMEOUT.has(code)) {
    const fix = 'set `stream: true`, which keeps bytes coming, or look at proxies between';
    return failureAt(site, 'ERR_TIMEOUT', `no byte came for too long (${words})`, detail(fix));
  }
  if (name === NO_HTTP) {
    const fix = 'check the scheme and the port of `baseUrl`';
    return failureAt(site, 'ERR_DIALECT', `the server does not speak HTTP (${words})`, detail(fix));
  }
  const fix = "look at the server's log and at proxies between";
  return failureAt(site, 'ERR_CONNECTION_LOST', `the connection broke (${words})`, detail(fix));
}
