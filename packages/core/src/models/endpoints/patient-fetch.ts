import { Agent, fetch as fetchThrough } from 'undici';

/**
 * `fetch` that waits for a response as long as its signal lets it. The one of Node.js gives up when 300 s pass without a
 * byte (undici's `headersTimeout` and `bodyTimeout`), which a long generation takes easily. Connections are kept and
 * shared by all endpoints of the process, without a bound of their own: pools bound the calls.
 */
export const patientFetch = createPatientFetch();

function createPatientFetch(): typeof fetch {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  // undici types its own Request and Response, which are those of Node.js by name only; at run time either is understood.
  const through = fetchThrough as unknown as (
    input: Parameters<typeof fetch>[0],
    init: Omit<RequestInit, 'dispatcher'> & { dispatcher: Agent },
  ) => Promise<Response>;
  return (input, init) => through(input, { ...init, dispatcher });
}
