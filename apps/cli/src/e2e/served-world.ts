import { createPuzzleJudge, createPuzzlePolicy, JUDGE_NAME, openEyes, POLICY_NAME } from '@vlprm/data/puzzle-world';
import {
  judgeBrain,
  policyBrain,
  startModelServer,
  type Brain,
  type ModelServer,
  type ModelServerOptions,
} from '@vlprm/core/testing';

/** Policy and judge of the puzzle world, each behind a server that speaks vLLM's dialect. */
export interface ServedWorld {
  readonly policy: ModelServer;
  readonly judge: ModelServer;
  /** A configuration that names the two servers. */
  readonly config: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Answers what the world does not understand, such as a probe's question, in a word. */
export function talkative(brain: Brain): Brain {
  return {
    write: async (request) => {
      if (request.messages.some(({ text }) => text.includes('<question>'))) return brain.write(request);
      return Array.from({ length: request.n }, () => request.choices?.[0] ?? 'Blue');
    },
  };
}

/** How the servers behave. */
export interface ServedWorldOptions extends Pick<ModelServerOptions, 'faults' | 'onEnd'> {
  /** What is made of the models' answers before they are served. */
  readonly policy?: (brain: Brain) => Brain;
  readonly judge?: (brain: Brain) => Brain;
}

const unchanged = (brain: Brain): Brain => brain;

/** Starts the servers. Everything is free: in the world itself nothing costs anything. */
export async function serveWorld({
  policy: changePolicy = unchanged,
  judge: changeJudge = unchanged,
  ...options
}: ServedWorldOptions = {}): Promise<ServedWorld> {
  const eyes = await openEyes();
  const serve = (brain: Brain, name: string) =>
    startModelServer({ dialect: 'vllm', brain: talkative(brain), model: { names: [name] }, ...options });
  const policy = await serve(changePolicy(policyBrain(createPuzzlePolicy(eyes.policy))), POLICY_NAME);
  const judge = await serve(changeJudge(judgeBrain(createPuzzleJudge(eyes.judge))), JUDGE_NAME);
  const free = { promptUsdPerMillion: 0, completionUsdPerMillion: 0 };
  return {
    policy,
    judge,
    config: {
      endpoints: {
        solver: { kind: 'vllm', baseUrl: policy.url, model: POLICY_NAME },
        critic: { kind: 'vllm', baseUrl: judge.url, model: JUDGE_NAME },
      },
      policy: 'solver',
      judge: 'critic',
      prices: { [POLICY_NAME]: free, [JUDGE_NAME]: free },
    },
    close: async () => {
      await Promise.all([policy.close(), judge.close(), eyes.close()]);
    },
  };
}
