import { VlprmError } from '@vlprm/core/runtime';
import type { FastifyInstance } from 'fastify';
import type { Platform } from '../platform/platform.ts';

/**
 * `GET /healthz`: 200 while the process answers. `GET /readyz`: 200 once the policy can be used, 503 with the reason
 * before; `prm` says whether there is one.
 */
export function registerHealth(server: FastifyInstance, platform: Platform): void {
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    try {
      const policy = await platform.policy();
      return { status: 'ready', policy: policy.name, prm: platform.prmPath };
    } catch (error) {
      if (!VlprmError.is(error)) throw error;
      void reply.code(503);
      return { status: 'not ready', code: error.code, what: error.message, fix: error.fix };
    }
  });
}
