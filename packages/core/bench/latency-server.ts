/** A server that gives every chat completion the same answer, 20 ms later. Prints its address; ends with its input. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const LATENCY_MS = 20;
const ANSWER = JSON.stringify({
  id: 'chat',
  object: 'chat.completion',
  created: 0,
  model: 'bench',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'answer' } }],
  usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
});

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    setTimeout(() => response.setHeader('content-type', 'application/json').end(ANSWER), LATENCY_MS);
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.stdin.resume().on('end', () => process.exit());
