import type { ServerResponse } from 'node:http';
import type { Reply, StreamReply } from './dialect.ts';

type Headers = Readonly<Record<string, string>>;

const isStream = (reply: Reply): reply is StreamReply => 'pieces' in reply;
const JSON_TYPE = 'application/json';

function begin(response: ServerResponse, reply: Reply, headers: Headers, length: number | null): void {
  response.writeHead(isStream(reply) ? 200 : reply.status, {
    'content-type': isStream(reply) ? reply.contentType : JSON_TYPE,
    ...(length === null ? {} : { 'content-length': length }),
    ...headers,
    ...(isStream(reply) ? {} : reply.headers),
  });
}

/** The whole answer; a stream piece by piece. */
export function writeReply(response: ServerResponse, reply: Reply, headers: Headers): void {
  if (isStream(reply)) {
    begin(response, reply, headers, null);
    for (const piece of reply.pieces) response.write(piece);
    response.end();
    return;
  }
  const body = Buffer.from(JSON.stringify(reply.body));
  begin(response, reply, headers, body.length);
  response.end(body);
}

/** The first half of the answer, then the connection breaks. */
export async function writeCut(response: ServerResponse, reply: Reply, headers: Headers): Promise<void> {
  const body = isStream(reply)
    ? Buffer.from(reply.pieces.slice(0, Math.ceil(reply.pieces.length / 2)).join(''))
    : Buffer.from(JSON.stringify(reply.body));
  begin(response, reply, headers, isStream(reply) ? null : body.length);
  const part = isStream(reply) ? body : body.subarray(0, body.length / 2);
  await new Promise((resolve) => response.write(part, resolve));
  response.destroy();
}

/** An answer that comes to its end but is no JSON. */
export function writeMalformed(response: ServerResponse, reply: Reply, headers: Headers): void {
  const text = isStream(reply) ? (reply.pieces[0] ?? '') : JSON.stringify(reply.body);
  const broken = Buffer.from(`${text.trimEnd().slice(0, -Math.ceil(text.length / 4))}\n\n`);
  begin(response, reply, headers, broken.length);
  response.end(broken);
}
