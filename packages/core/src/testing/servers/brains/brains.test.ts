import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Step } from '../../../records/index.ts';
import { formatSolution, parseSolution, parseVerification, prmTurns } from '../../../text/index.ts';
import { solutionPrompt, verificationPrompt } from '../../../text/index.ts';
import { createScriptedJudge } from '../../scripted-judge.ts';
import { createScriptedPolicy } from '../../scripted-policy.ts';
import { createScriptedPrm } from '../../scripted-prm.ts';
import type { Brain } from '../brain.ts';
import { wireClient } from '../fixtures/wire-client.ts';
import { startModelServer, type ModelServer } from '../model-server.ts';
import { judgeBrain } from './judge-brain.ts';
import { policyBrain } from './policy-brain.ts';
import { prmBrain } from './prm-brain.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'Three red dots.' },
  { kind: 'perception', text: 'Two blue dots.' },
  { kind: 'reasoning', text: '3 + 2 = 5.' },
];
const whole = formatSolution(steps, '5');

let server: ModelServer;
afterEach(() => server.close());
const serve = async (brain: Brain): Promise<ReturnType<typeof wireClient>> => {
  server = await startModelServer({ dialect: 'vllm', brain });
  return wireClient(server);
};

describe('policyBrain', () => {
  it('reads question, images and prefix, and writes the rest', async () => {
    const policy = createScriptedPolicy({
      script: ({ steps: written }) => ({ steps: steps.slice(written.length), finalAnswer: '5' }),
    });
    const { chat } = await serve(policyBrain(policy));
    const image = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const question = 'How many <dots>?\nCount all.';
    const url = `data:image/png;base64,${image.toString('base64')}`;
    const text = solutionPrompt({ question, options: null });
    const user = {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url } },
        { type: 'text', text },
      ],
    };
    const { body } = await chat({ messages: [user], seed: 7, n: 2 });
    expect(parseSolution(body.choices[1]!.message.content)).toEqual({ steps, finalAnswer: '5' });
    const [call] = policy.calls;
    expect(call?.options).toEqual({ n: 2, stop: 'end', seed: 7 });
    expect(call?.prefixes[0]?.problem).toMatchObject({ question, images: [{ mime: 'image/png', width: 4 }] });
    expect(call?.prefixes[0]?.images).toEqual([new Uint8Array(image)]);

    const ends = ['</step_1>', '</step_1>\n<step_2>', '</step_2>\n', '</step_2>\n[Reasoning]\n<step_1>', '5.</step_1>'];
    const rest = { role: 'user', content: 'Write only what follows.' };
    for (const end of ends) {
      const written = whole.slice(0, whole.indexOf(end) + end.length);
      const messages = [user, { role: 'assistant', content: written }];
      const continued = await chat({ messages, continue_final_message: true, add_generation_prompt: false });
      expect(written + continued.body.choices[0]!.message.content).toBe(whole);
      const asked = await chat({ messages: [...messages, rest] });
      expect(asked.body.choices).toMatchObject([{ message: continued.body.choices[0]!.message }]);
    }
  });

  it('refuses where the policy fails', async () => {
    const { chat } = await serve(policyBrain(createScriptedPolicy({ script: () => new Error('cannot see') })));
    expect(await chat({})).toMatchObject({ status: 400, body: { error: { message: 'cannot see' } } });
  });
});

const CODE = 'k3f9';

describe('judgeBrain', () => {
  it('reads the solution and writes its verdict', async () => {
    const judge = createScriptedJudge({ script: () => 2 });
    const { chat } = await serve(judgeBrain(judge));
    const messages = [{ role: 'user', content: verificationPrompt('How many?', steps, '5', CODE) }];
    const { body } = await chat({ messages, seed: 3 });
    expect(body.choices[0]?.message.content).toBe(
      '<analysis_1_k3f9>This holds.</analysis_1_k3f9>\n<analysis_2_k3f9>This holds.</analysis_2_k3f9>\n' +
        '<analysis_3_k3f9>This is wrong.</analysis_3_k3f9>\n<conclusion_k3f9>Incorrect</conclusion_k3f9>',
    );
    expect(judge.calls[0]).toMatchObject({ seed: 3, solutions: [{ steps, problem: { question: 'How many?' } }] });
  });
});

describe('judgeBrain on steps of unknown kind', () => {
  it('numbers its analyses through', async () => {
    const judge = createScriptedJudge({ script: () => 1 });
    const { chat } = await serve(judgeBrain(judge));
    const flat = steps.map(({ text }): Step => ({ kind: null, text }));
    const { body } = await chat({
      messages: [{ role: 'user', content: verificationPrompt('How many?', flat, '5', CODE) }],
    });
    expect(parseVerification(body.choices[0]!.message.content, flat, CODE)).toMatchObject({
      verification: { verdicts: [1, -1, null], firstError: 1 },
    });
    expect(judge.calls[0]?.solutions[0]?.steps).toEqual(flat);
  });
});

describe('prmBrain', () => {
  const scores = [0.9, 0.6, 0.2];
  const prm = createScriptedPrm({ script: (_, index) => scores[index] ?? 0.5 });
  const messages = prmTurns('How many?', steps).flatMap((content, i) => [
    ...(i === 0 ? [] : [{ role: 'assistant', content: '+' }]),
    { role: 'user', content },
  ]);
  const logit = (p: number): number => Math.log(p) - Math.log1p(-p);

  it('reports the labels of the last step', async () => {
    const { chat } = await serve(prmBrain(prm));
    const { body } = await chat({ messages, max_tokens: 1, logprobs: true, top_logprobs: 5 });
    const entry = body.choices[0]?.logprobs?.content[0];
    expect(entry).toMatchObject({ token: '-', bytes: [45] });
    const top = new Map(entry?.top_logprobs.map(({ token, logprob }) => [token, logprob]));
    expect(top.get('+')! - top.get('-')!).toBeCloseTo(logit(0.2), 5);
    expect(Math.exp(top.get('+')!) + Math.exp(top.get('-')!)).toBeCloseTo(0.98, 5);
  });

  it('reports label ids whatever their rank', async () => {
    const { chat } = await serve(prmBrain(prm));
    const labels = { logprob_token_ids: [10, 12], return_tokens_as_token_ids: true };
    const { body } = await chat({ messages, max_tokens: 1, logprobs: true, ...labels });
    const top = body.choices[0]?.logprobs?.content[0]?.top_logprobs;
    expect(top?.map(({ token }) => token)).toEqual(['token_id:10', 'token_id:12']);
  });

  it('reports the labels of all steps in the prompt, where the turns of the assistant begin', async () => {
    const { chat, tokens } = await serve(prmBrain(prm));
    const filled = { messages: [...messages, { role: 'assistant', content: '+' }], add_generation_prompt: false };
    const ids = await tokens(filled);
    const { body } = await chat({ ...filled, max_tokens: 1, prompt_logprobs: 5 });
    expect(body.prompt_logprobs).toHaveLength(ids.length);
    expect(body.prompt_logprobs?.[0]).toBeNull();
    const header = [...(await tokens({ prompt: '<|im_start|>assistant\n' })), 10, 151_645];
    const found = ids.flatMap((_, at) => (header.every((id, i) => ids[at + i] === id) ? [at + header.length - 2] : []));
    const read = found.map((at) => {
      const entry = body.prompt_logprobs?.[at];
      return entry!['10']!.logprob - entry!['12']!.logprob;
    });
    expect(read.map((value, i) => Math.abs(value - logit(scores[i]!)) < 1e-5)).toEqual([true, true, true]);
  });

  it('pools a row a step', async () => {
    const { parsed } = await serve(prmBrain(prm));
    const content = steps.map(({ text }) => `${text}<extra_0>`).join('');
    const asked = [
      { role: 'user', content: 'How many?' },
      { role: 'assistant', content },
    ];
    const schema = z.object({ data: z.array(z.object({ data: z.array(z.array(z.number())) })) });
    const { data } = await parsed(schema, '/pooling', { messages: asked });
    expect(data[0]?.data.map((row) => row[1]?.toFixed(5))).toEqual(scores.map((p) => p.toFixed(5)));
  });
});
