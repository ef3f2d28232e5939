import { createRandom, seedFrom } from '@vlprm/core/runtime';
import type { BenchmarkedProblem, BenchmarkResult, JudgedCandidate } from '@vlprm/tts';
import { GALLERY_SCHEMA, type Gallery, type GalleryItem, type GallerySolution } from '../report/gallery-schema.ts';
import { annotate, type Annotation, type Annotators } from './annotation.ts';
import { describePicture } from './picture-text.ts';
import type { KnownSolution } from './scored-solutions.ts';
import { familyOf, type TruthBook } from './truth.ts';

/** A sampled solution that the PRM has scored. */
interface Scored {
  readonly candidate: JudgedCandidate;
  readonly probabilities: readonly number[];
  readonly oneShot: number;
  readonly known: KnownSolution;
}

/** A problem with its scored solutions and what majority and weighted vote chose. */
interface Showable {
  readonly problem: BenchmarkedProblem['problem'];
  readonly solutions: readonly Scored[];
  readonly voted: Scored | null;
  readonly majority: Scored | null;
}

interface Picked {
  readonly showable: Showable;
  readonly caption: string;
  readonly shown: readonly { readonly role: string; readonly scored: Scored }[];
}

/** A kind of story that a puzzle can tell, and what to show of it. */
interface Story {
  readonly caption: string;
  readonly wanted: number;
  tell(showable: Showable, threshold: number): Picked['shown'] | null;
}

const isRight = (scored: Scored): boolean => scored.candidate.outcome === 'correct';
const firstErrorOf = (scored: Scored): number | null => scored.known.truth.firstError;

function errorKind(scored: Scored): string | null {
  const step = firstErrorOf(scored);
  return step === null ? null : (scored.candidate.steps[step]?.kind ?? null);
}

function rescuedBy(kind: 'perception' | 'reasoning'): Story['tell'] {
  return ({ voted, majority }, threshold) => {
    if (voted === null || majority === null || !isRight(voted) || isRight(majority)) return null;
    if (errorKind(majority) !== kind || firstErrorOf(voted) !== null) return null;
    if ((majority.probabilities[firstErrorOf(majority) ?? 0] ?? 1) >= threshold) return null;
    return [
      { role: 'The majority', scored: majority },
      { role: 'The vote weighted by the PRM', scored: voted },
    ];
  };
}

const STORIES: readonly Story[] = [
  {
    caption: 'A misreading fools the majority; the PRM sees it',
    wanted: 3,
    tell: rescuedBy('perception'),
  },
  {
    caption: 'A wrong conclusion fools the majority; the PRM notices',
    wanted: 2,
    tell: rescuedBy('reasoning'),
  },
  {
    caption: 'Lucky: the answer is right, a step is not',
    wanted: 1,
    tell: ({ solutions }, threshold) => {
      const lucky = solutions.find((one) => {
        const step = firstErrorOf(one);
        return (
          isRight(one) && step !== null && errorKind(one) === 'perception' && (one.probabilities[step] ?? 1) < threshold
        );
      });
      return lucky === undefined ? null : [{ role: 'One sample', scored: lucky }];
    },
  },
  {
    caption: 'Missed: the PRM lets a wrong step pass',
    wanted: 2,
    tell: ({ solutions }, threshold) => {
      const missed = solutions.find((one) => {
        const step = firstErrorOf(one);
        return step !== null && one.probabilities.every((p) => p >= threshold);
      });
      return missed === undefined ? null : [{ role: 'One sample', scored: missed }];
    },
  },
  {
    caption: 'False alarm: every step is right, the PRM doubts one',
    wanted: 1,
    tell: ({ solutions }, threshold) => {
      const doubted = solutions.find(
        (one) => firstErrorOf(one) === null && one.probabilities.some((p) => p < threshold),
      );
      return doubted === undefined ? null : [{ role: 'One sample', scored: doubted }];
    },
  },
  {
    caption: 'Nothing to find: majority and PRM agree, and are right',
    wanted: 1,
    tell: ({ voted, majority }) =>
      voted !== null && majority !== null && isRight(voted) && isRight(majority) && firstErrorOf(voted) === null
        ? [{ role: 'The vote weighted by the PRM', scored: voted }]
        : null,
  },
];

function scoredOf(problem: BenchmarkedProblem, book: TruthBook): Scored[] {
  return problem.samples.flatMap((sample) => {
    if (!sample.ok) return [];
    const { stepwise, whole, steps } = sample.value;
    if (stepwise?.ok !== true || whole?.ok !== true) return [];
    return [
      {
        candidate: sample.value,
        probabilities: [...stepwise.value.probabilities],
        oneShot: whole.value.probabilities[0] as number,
        known: { puzzle: book.puzzle(problem.problem.id), steps, truth: book.ofSteps(problem.problem.id, steps) },
      },
    ];
  });
}

function showableOf(problem: BenchmarkedProblem, book: TruthBook, n: number): Showable {
  const solutions = scoredOf(problem, book);
  const chosenBy = (strategy: string): Scored | null => {
    const result = problem.results.find((one) => one.strategy === strategy && one.n === n);
    return solutions.find(({ candidate }) => candidate.sample === result?.chosen) ?? null;
  };
  return { problem: problem.problem, solutions, voted: chosenBy('weighted-vote'), majority: chosenBy('majority') };
}

/** Picks puzzles story by story, different families first. */
function pick(showables: readonly Showable[], threshold: number): Picked[] {
  const picked: Picked[] = [];
  const used = new Set<Showable>();
  const timesShown = (showable: Showable): number =>
    picked.filter((one) => familyOf(one.showable.problem.source) === familyOf(showable.problem.source)).length;
  for (const story of STORIES) {
    for (let told = 0; told < story.wanted; told += 1) {
      const fitting = showables.flatMap((showable) => {
        const shown = used.has(showable) ? null : story.tell(showable, threshold);
        return shown === null ? [] : [{ showable, shown, caption: story.caption }];
      });
      const next = fitting.reduce<Picked | null>(
        (best, one) => (best === null || timesShown(one.showable) < timesShown(best.showable) ? one : best),
        null,
      );
      if (next === null) break;
      used.add(next.showable);
      picked.push(next);
    }
  }
  return picked;
}

function solutionOf(role: string, scored: Scored, annotation: Annotation): GallerySolution {
  return {
    role,
    steps: scored.candidate.steps.map((step, i) => ({
      kind: step.kind,
      text: step.text,
      p: scored.probabilities[i] as number,
      right: scored.known.truth.local[i] ?? false,
      judge: annotation.judge[i] ?? null,
      mc: annotation.values[i] ?? null,
    })),
    finalAnswer: scored.candidate.finalAnswer,
    answerRight: isRight(scored),
    oneShot: scored.oneShot,
  };
}

async function itemOf(
  { showable, caption, shown }: Picked,
  book: TruthBook,
  annotators: Annotators,
): Promise<GalleryItem> {
  const annotations = await annotate(
    shown.map(({ scored }) => scored.known),
    annotators,
  );
  const puzzle = book.puzzle(showable.problem.id);
  const [image] = showable.problem.images;
  return {
    problemId: showable.problem.id,
    family: familyOf(showable.problem.source),
    question: showable.problem.question,
    answer: showable.problem.answer ?? '',
    png: Buffer.from(puzzle.png).toString('base64'),
    width: image?.width ?? 1,
    height: image?.height ?? 1,
    alt: describePicture(puzzle),
    caption,
    solutions: shown.map(({ role, scored }, i) =>
      solutionOf(role, scored, annotations[i] ?? { judge: [], values: [] }),
    ),
  };
}

/** A gallery of test puzzles that shows what the PRM catches and what it gets wrong. */
export async function makeGallery(
  { problems }: BenchmarkResult,
  book: TruthBook,
  { threshold, n }: { readonly threshold: number; readonly n: number },
  annotators: Annotators,
): Promise<Gallery> {
  const random = createRandom(seedFrom('gallery', annotators.seed));
  const showables = random.shuffle(problems).map((problem) => showableOf(problem, book, n));
  const items: GalleryItem[] = [];
  for (const picked of pick(showables, threshold)) items.push(await itemOf(picked, book, annotators));
  return { schema: GALLERY_SCHEMA, threshold, items };
}
