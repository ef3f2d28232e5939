import { createPuzzleJudge, createPuzzlePolicy, generatePuzzles, openEyes } from '@vlprm/data/puzzle-world';
import { createChainWorld } from '@vlprm/data/synthesis';
import { TruthBook } from '../../src/quickstart/truth.ts';
import { firstErrorAgreement, labelAgreement, type ReadingPair } from './agreement.ts';
import { comparePosterior } from './comparison.ts';
import { measureSeed, type MeasuredSeed } from './measured-seed.ts';
import { costOf, measureQuality } from './quality.ts';
import type { Agreement, LabelSettings, LabelsResult } from './schema.ts';
import {
  ADAPTIVE,
  ADAPTIVE_50,
  BINARY,
  CHAIN_EVIDENCE,
  EVIDENCE,
  REFERENCE,
  REPEATED,
  WITHOUT_SIBLINGS,
  type BenchRule,
  type EvidencePlan,
  type PosteriorRule,
} from './settings.ts';
import { labelVerdicts } from './verdicts.ts';

type Studied = Pick<LabelsResult, 'traces' | 'quality' | 'agreement' | 'posterior' | 'verdicts'>;

async function measurePuzzles({ seeds, puzzles: count, tracesPerPuzzle, audits }: LabelSettings) {
  const eyes = await openEyes();
  try {
    const measured: MeasuredSeed[] = [];
    for (const seed of seeds) {
      const puzzles = generatePuzzles({ seed, split: 'train', count });
      const book = new TruthBook(puzzles);
      const world = {
        problems: puzzles.map(({ problem, png }) => ({ problem, images: [png] })),
        policy: createPuzzlePolicy(eyes.policy),
        judge: createPuzzleJudge(eyes.judge),
        tracesPerProblem: tracesPerPuzzle,
        seed,
      };
      measured.push(await measureSeed(world, EVIDENCE, (trace) => book.ofTrace(trace).firstError, audits));
    }
    return measured;
  } finally {
    await eyes.close();
  }
}

/** Nothing but rollouts is of interest here: the judge sees everything. */
async function measureChains({ seeds, chains, tracesPerChain, chainSteps }: LabelSettings): Promise<MeasuredSeed[]> {
  const measured: MeasuredSeed[] = [];
  for (const seed of seeds) {
    const chainWorld = createChainWorld({ seed, steps: chainSteps });
    const world = {
      problems: [...chainWorld.problems(chains)],
      policy: chainWorld.policy,
      judge: chainWorld.judge({ missed: 0, falseAlarms: 0 }),
      tracesPerProblem: tracesPerChain,
      seed,
    };
    measured.push(await measureSeed(world, CHAIN_EVIDENCE, ({ steps }) => chainWorld.firstSlip(steps), 0));
  }
  return measured;
}

/** Readings of every trace of every seed from two pieces of evidence by one rule. */
function pairsOf(seeds: readonly MeasuredSeed[], a: EvidencePlan, b: EvidencePlan, rule: BenchRule): ReadingPair[] {
  return seeds.flatMap(({ traces, evidence }) => {
    const readings = [a, b].map(({ name }) => evidence.get(name)?.readings[rule] ?? []);
    return traces.map((trace, i) => ({ trace, a: readings[0]![i]!, b: readings[1]![i]! }));
  });
}

function agreementOf(
  world: string,
  seeds: readonly MeasuredSeed[],
  plan: EvidencePlan,
  rule: BenchRule,
  what: Agreement['what'],
): Agreement {
  const agree = what === 'labels' ? labelAgreement : firstErrorAgreement;
  const { rollouts, shareOfRollouts } = costOf(seeds, plan.name);
  const wrongAnswers = seeds.reduce((sum, { wrongAnswerRollouts }) => sum + wrongAnswerRollouts, 0);
  return {
    world,
    what,
    evidence: plan.name,
    rule,
    agreement: agree(pairsOf(seeds, REFERENCE, plan, rule), 0),
    repeated: agree(pairsOf(seeds, REFERENCE, REPEATED, rule), 0),
    share: what === 'labels' ? shareOfRollouts : rollouts / wrongAnswers,
  };
}

/** Everything on puzzles and on simulated chains, and what follows from it. */
export async function studyLabels(settings: LabelSettings, onWorld: (name: string) => void): Promise<Studied> {
  const puzzles = await measurePuzzles(settings);
  onWorld('puzzles');
  const chains = await measureChains(settings);
  onWorld('chains');
  const chainWorld = `chains of ${settings.chainSteps} steps`;
  const agreement = [
    agreementOf('puzzles', puzzles, ADAPTIVE, 'mc0', 'labels'),
    agreementOf('puzzles', puzzles, ADAPTIVE, 'hybrid', 'labels'),
    agreementOf('puzzles', puzzles, ADAPTIVE_50, 'mc50', 'labels'),
    agreementOf('puzzles', puzzles, BINARY, 'mc0', 'first error of wrong answers'),
    agreementOf(chainWorld, chains, ADAPTIVE, 'mc0', 'labels'),
    agreementOf(chainWorld, chains, BINARY, 'mc0', 'first error of wrong answers'),
  ];
  const compared = (subject: PosteriorRule) =>
    (['hybrid', 'union', 'judge', 'mc0'] as const).map((rule) =>
      comparePosterior(puzzles, REFERENCE.name, rule, subject),
    );
  const comparisons = compared('posterior');
  const posterior = {
    audits: settings.audits,
    comparisons,
    wins: comparisons.every(({ wins }) => wins),
    withoutSiblings: compared(WITHOUT_SIBLINGS),
  };
  return {
    traces: puzzles.reduce((sum, { traces }) => sum + traces.length, 0),
    quality: EVIDENCE.filter((plan) => plan !== REPEATED).flatMap((plan) =>
      plan.rules.map((rule) => measureQuality(puzzles, plan, rule)),
    ),
    agreement,
    posterior,
    verdicts: labelVerdicts(agreement, posterior),
  };
}
