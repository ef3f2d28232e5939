import { fastifyTRPCPlugin, type FastifyTRPCPluginOptions } from '@trpc/server/adapters/fastify';
import { VlprmError } from '@vlprm/core/runtime';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { MAX_IMAGE_BYTES } from '../contract/solve.ts';
import type { Platform } from '../platform/platform.ts';
import { appRouter, type AppRouter } from '../router/router.ts';
import { registerHealth } from './health.ts';

export interface ServerOptions {
  readonly platform: Platform;
  /** 0 takes a free port. */
  readonly port: number;
  /** Default 127.0.0.1: without API keys the server is for this machine alone. */
  readonly host?: string;
  /** Called for errors that are defects, not answers; default: nothing is written. */
  readonly onDefect?: (error: Error, path: string | null) => void;
}

export interface RunningServer {
  /** Address to reach it at, e.g. `http://127.0.0.1:4317`. */
  readonly url: string;
  readonly port: number;
  /** Ends open requests and stops listening; the platform stays open. */
  close(): Promise<void>;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Starts the server and returns once it accepts connections. Writes nothing.
 * @throws ERR_RANGE (port), ERR_CONFIG (a host other than loopback, or a port that is taken).
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { port, host = '127.0.0.1' } = options;
  requirePort(port);
  if (!LOOPBACK.has(host)) {
    throw new VlprmError('ERR_CONFIG', `the server asks for no key, so it may not listen on ${host}`, {
      where: '--host',
      fix: 'use 127.0.0.1, and a reverse proxy that authenticates for access from elsewhere',
    });
  }
  const server = createServer(options);
  try {
    await server.listen({ port, host });
  } catch (error) {
    await server.close();
    throw listenError(error, host, port);
  }
  const address = server.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${bound}`, port: bound, close: () => server.close() };
}

/** The routes without a socket. */
export function createServer({ platform, onDefect }: ServerOptions): FastifyInstance {
  const server = Fastify({
    bodyLimit: Math.ceil(MAX_IMAGE_BYTES / 3) * 4 + 64 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1024 },
  });
  server.addHook('onRequest', refuseForeignHost);
  registerHealth(server, platform);
  void server.register(fastifyTRPCPlugin, {
    prefix: '/trpc',
    trpcOptions: {
      router: appRouter,
      createContext: () => ({ platform }),
      onError: ({ error, path }) => {
        if (error.code === 'INTERNAL_SERVER_ERROR') onDefect?.(error.cause ?? error, path ?? null);
      },
    } satisfies FastifyTRPCPluginOptions<AppRouter>['trpcOptions'],
  });
  return server;
}

/** A page of another site can make a browser call this server under that site's name; such a call is refused. */
function refuseForeignHost(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  if (LOOPBACK.has(request.hostname.replace(/^\[|\]$/g, ''))) done();
  else void reply.code(403).send({ error: 'this server answers to 127.0.0.1 and localhost only' });
}

function requirePort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new VlprmError('ERR_RANGE', `port is ${port}`, { where: '--port', fix: 'give an integer from 0 to 65535' });
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error;
  const reason = code === 'EADDRINUSE' ? 'is taken' : 'may not be used by this user';
  return new VlprmError('ERR_CONFIG', `port ${port} ${reason}`, {
    where: `${host}:${port}`,
    fix: 'choose another with --port, or 0 for a free one',
    cause: error,
  });
}
