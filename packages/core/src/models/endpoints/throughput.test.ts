import { expect, it } from 'vitest';
import { endpointSchema, type EndpointConfigInput } from './endpoint-config.ts';
import { endpointThroughput } from './throughput.ts';

const throughput = (config: Partial<EndpointConfigInput>, probed = {}) =>
  endpointThroughput(endpointSchema.parse({ kind: 'vllm', baseUrl: 'http://a', model: 'm', ...config }), probed);

it('adds up the servers of a pool, each with the limits of the first where it has none of its own', () => {
  const replicas = [
    { baseUrl: 'http://b', maxConcurrency: 3 },
    { baseUrl: 'http://c', requestsPerMinute: 5 },
  ];
  expect(throughput({ requestsPerMinute: 10, tokensPerMinute: 7, maxConcurrency: 2, replicas })).toMatchObject({
    requestsPerMinute: 25,
    tokensPerMinute: 21,
    maxConcurrency: 7,
  });
});

it('has no limit where one of its servers has none', () => {
  const replicas = [{ baseUrl: 'http://b', requestsPerMinute: 10 }];
  expect(throughput({ replicas })).toMatchObject({ requestsPerMinute: null, tokensPerMinute: null });
});

it('asks for one completion a call where the server gives one', () => {
  expect(throughput({}).choicesPerCall).toBe(Infinity);
  expect(throughput({ kind: 'openai' }).choicesPerCall).toBe(128);
  expect(throughput({ kind: 'ollama' }).choicesPerCall).toBe(1);
  expect(throughput({}, { n: false }).choicesPerCall).toBe(1);
  expect(throughput({ capabilities: { n: true } }, { n: false }).choicesPerCall).toBe(Infinity);
});
