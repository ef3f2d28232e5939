/**
 * Measures policy and judge of the puzzle world on fresh puzzles against the scenes; no PRM takes part.
 *
 *   npx nx run data:measure-world -- --seed 7 --count 600
 */
import { parseArgs } from 'node:util';
import {
  createPuzzleJudge,
  createPuzzlePolicy,
  FAMILY_IDS,
  generatePuzzles,
  openEyes,
  presented,
  stepTruth,
  WORLD_HASH,
} from '../src/puzzle-world/index.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '7' },
    count: { type: 'string', default: '600' },
    split: { type: 'string', default: 'train' },
  },
});
const puzzles = generatePuzzles({
  seed: Number(values.seed),
  split: values.split as 'train' | 'test',
  count: Number(values.count),
});
const eyes = await openEyes();
const policy = createPuzzlePolicy(eyes.policy);
const judge = createPuzzleJudge(eyes.judge);

const t0 = Date.now();
const { proposals } = await policy.propose(
  puzzles.map((puzzle) => ({ ...presented(puzzle), steps: [] })),
  { n: 16, stop: 'end', seed: 1 },
);
const t1 = Date.now();
process.stderr.write(`policy ${t1 - t0} ms\n`);
const rows = puzzles.map((puzzle, i) => {
  const samples = (proposals[i] ?? []).flatMap((sample) => (sample.ok ? [sample.value] : []));
  return { puzzle, samples, truths: samples.map(({ steps }) => stepTruth(puzzle.scene, steps)) };
});
const solutions = rows.flatMap(({ puzzle, samples }) =>
  samples.slice(0, 4).map(({ steps }) => ({ ...presented(puzzle), steps })),
);
const t2 = Date.now();
const { reviews } = await judge.review(solutions, { seed: 1 });

process.stderr.write(`judge ${Date.now() - t2} ms\n`);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / Math.max(1, xs.length);
const show = (x: number): string => x.toFixed(3);

function majorityRight(answers: readonly (string | null)[], gold: string | null): number {
  const counts = new Map<string | null, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const top = Math.max(...counts.values());
  const tied = [...counts].filter(([, count]) => count === top);
  return tied.filter(([answer]) => answer === gold).length / tied.length;
}

for (const family of [null, ...FAMILY_IDS]) {
  const own = rows.filter(({ puzzle }) => family === null || puzzle.scene.family === family);
  const right = own.map(({ puzzle, samples }) =>
    samples.map(({ finalAnswer }) => (finalAnswer === puzzle.problem.answer ? 1 : 0)),
  );
  const truths = own.flatMap(({ truths }) => truths);
  const errorAt = [0, 1, 2, 3, 4, 5].map((place) => {
    const clean = truths.filter(({ firstError }) => firstError === null || firstError >= place);
    return mean(clean.map(({ local }) => (local[place] === true ? 0 : 1)));
  });
  const broken = own.flatMap(({ truths: t }, i) =>
    t.flatMap(({ firstError }, k) => (firstError !== null && firstError < 3 ? [right[i]?.[k] ?? 0] : [])),
  );
  process.stdout.write(
    `${(family ?? 'all').padEnd(16)} pass@1 ${show(mean(right.flat()))} majority@16 ${show(
      mean(
        own.map(({ puzzle, samples }) =>
          majorityRight(
            samples.map((s) => s.finalAnswer),
            puzzle.problem.answer,
          ),
        ),
      ),
    )} oracle@16 ${show(mean(right.map((r) => Math.max(...r))))} step errors ${errorAt.map(show).join(' ')} right despite perception error ${show(mean(broken))}\n`,
  );
}

const gold = rows.flatMap(({ truths }) => truths.slice(0, 4));
const judged = reviews.flatMap((review, i) =>
  review.ok && gold[i] !== undefined ? [{ said: review.value.firstError, truth: gold[i].firstError }] : [],
);
const share = (
  keep: (row: (typeof judged)[number]) => boolean,
  hit: (row: (typeof judged)[number]) => boolean,
): string => show(mean(judged.filter(keep).map((row) => (hit(row) ? 1 : 0))));
process.stdout.write(
  `judge: first-error accuracy ${share(
    () => true,
    (r) => r.said === r.truth,
  )} clean passed ${share(
    (r) => r.truth === null,
    (r) => r.said === null,
  )} perception found ${share(
    (r) => r.truth !== null && r.truth < 3,
    (r) => r.said === r.truth,
  )} reasoning found ${share(
    (r) => r.truth !== null && r.truth >= 3,
    (r) => r.said === r.truth,
  )} early alarms ${share(
    (r) => r.said !== null,
    (r) => r.truth === null || (r.said ?? 0) < r.truth,
  )}\n`,
);
process.stdout.write(`world ${WORLD_HASH.slice(0, 16)}\n`);
await eyes.close();
