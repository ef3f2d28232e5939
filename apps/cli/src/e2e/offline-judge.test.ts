import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPuzzleJudge, JUDGE_NAME, openEyes } from '@vlprm/data/puzzle-world';
import { judgeBrain, startModelServer } from '@vlprm/core/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { talkative } from './served-world.ts';
import { runVlprm, startVlprm } from './vlprm-process.ts';

const TIMEOUT_MS = 300_000;
const hashOf = (stdout: string): string => z.object({ hash: z.string() }).parse(JSON.parse(stdout)).hash;

it(
  'a synthesis whose judge works offline, killed while a batch is open, waits for that batch and gives the same dataset',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vlprm-offline-'));
    const eyes = await openEyes();
    const asked = new Map<string, number>();
    const judge = judgeBrain(createPuzzleJudge(eyes.judge));
    let looks = Infinity;
    const server = await startModelServer({
      dialect: 'openai',
      model: { names: [JUDGE_NAME] },
      batches: {
        get looks() {
          return looks;
        },
      },
      brain: talkative({
        write: (request) => {
          const question = JSON.stringify([request.messages.map(({ text }) => text), request.seed]);
          asked.set(question, (asked.get(question) ?? 0) + 1);
          return judge.write(request);
        },
      }),
    });
    onTestFinished(async () => {
      await server.close();
      await eyes.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const batch = { quietSeconds: 0.5, pollSeconds: 0.05 };
    const critic = { kind: 'openai', baseUrl: server.url, model: JUDGE_NAME, batch };
    const prices = { [JUDGE_NAME]: { promptUsdPerMillion: 0, completionUsdPerMillion: 0 } };
    writeFileSync(join(folder, 'offline.json'), JSON.stringify({ endpoints: { critic }, judge: 'critic', prices }));
    const size = ['--problems', 'puzzles:24', '--rollouts', '2', '--seed', '5', '--format', 'json'];
    const offline = ['synthesize', ...size, '--config', 'offline.json', '--out', 'offline'];
    const env = { XDG_CACHE_HOME: join(folder, 'cache') };
    const batches = (): number =>
      server.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/batches').length;

    const killed = startVlprm(offline, folder, { env, ownGroup: true });
    try {
      await vi.waitFor(() => expect(batches(), killed.stderr()).toBe(1), { timeout: TIMEOUT_MS / 4 });
    } finally {
      killed.killAll();
    }
    await killed.ended;
    expect(asked.size).toBe(0);

    looks = 1;
    const resumed = await startVlprm(offline, folder, { env }).ended;
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(new Set(asked.values())).toEqual(new Set([1]));
    const inProcess = await runVlprm(['synthesize', ...size, '--out', 'in-process'], folder);
    expect(hashOf(resumed.stdout)).toBe(hashOf(inProcess.stdout));
  },
  TIMEOUT_MS,
);
