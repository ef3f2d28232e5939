/**
 * Measures policy and judge of the puzzle world on fresh puzzles against the scenes; no PRM takes part.
 *
 *   npx nx run data:measure-world -- --seed 7 --count 600
 */
import { parseArgs } from 'node:util';
import { majorityAccuracy } from '@vlprm/core/statistics';
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

/** Perception steps of every solution. */
const PERCEPTION_STEPS = 3;

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

const { proposals } = await policy.propose(
  puzzles.map((puzzle) => ({ ...presented(puzzle), steps: [] })),
  { n: 16, stop: 'end', seed: 1 },
);
const rows = puzzles.map((puzzle, i) => {
  const samples = (proposals[i] ?? []).flatMap((sample) => (sample.ok ? [sample.value] : []));
  return {
    puzzle,
    samples,
    right: samples.map(({ finalAnswer }) => finalAnswer === puzzle.problem.answer),
    truths: samples.map(({ steps }) => stepTruth(puzzle.scene, steps)),
  };
});
const solutions = rows.flatMap(({ puzzle, samples }) =>
  samples.slice(0, 4).map(({ steps }) => ({ ...presented(puzzle), steps })),
);
const { reviews } = await judge.review(solutions, { seed: 1 });
await eyes.close();

const mean = (values: readonly number[]): string =>
  values.length === 0 ? 'n/a' : (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(3);
const share = (flags: readonly boolean[]): string => mean(flags.map(Number));

/** Shares of one family, or of all: answers, then errors of each step whose prefix is right. */
function familyLine(name: string, own: typeof rows): string {
  const majority = own.map(({ puzzle, samples }) =>
    majorityAccuracy(
      samples.map(({ finalAnswer }) => finalAnswer),
      (answer) => answer === puzzle.problem.answer,
    ),
  );
  const truths = own.flatMap(({ truths: one }) => one);
  const errors = [0, 1, 2, 3, 4, 5].map((place) =>
    share(
      truths
        .filter(({ firstError }) => firstError === null || firstError >= place)
        .map(({ local }) => local[place] !== true),
    ),
  );
  const lucky = own.flatMap(({ truths: one, right }) =>
    right.filter((_, k) => {
      const firstError = one[k]?.firstError ?? null;
      return firstError !== null && firstError < PERCEPTION_STEPS;
    }),
  );
  return [
    name.padEnd(16),
    `pass@1 ${share(own.flatMap(({ right }) => right))}`,
    `majority@16 ${mean(majority)}`,
    `oracle@16 ${share(own.map(({ right }) => right.includes(true)))}`,
    `step errors ${errors.join(' ')}`,
    `right despite perception error ${share(lucky)}`,
  ].join('  ');
}

/** How often the judge names the first error, and what it passes and finds. */
function judgeLine(): string {
  const gold = rows.flatMap(({ truths }) => truths.slice(0, 4));
  const judged = reviews.flatMap((review, i) =>
    review.ok && gold[i] !== undefined ? [{ said: review.value.firstError, truth: gold[i].firstError }] : [],
  );
  const exact = (some: typeof judged): string => share(some.map(({ said, truth }) => said === truth));
  return [
    `judge: first-error accuracy ${exact(judged)}`,
    `clean passed ${exact(judged.filter(({ truth }) => truth === null))}`,
    `perception found ${exact(judged.filter(({ truth }) => truth !== null && truth < PERCEPTION_STEPS))}`,
    `reasoning found ${exact(judged.filter(({ truth }) => truth !== null && truth >= PERCEPTION_STEPS))}`,
  ].join('  ');
}

const lines = [
  familyLine('all', rows),
  ...FAMILY_IDS.map((id) =>
    familyLine(
      id,
      rows.filter(({ puzzle }) => puzzle.scene.family === id),
    ),
  ),
  judgeLine(),
  `world ${WORLD_HASH}`,
];
process.stdout.write(`${lines.join('\n')}\n`);
