import { createRandom, seedFrom } from '@vlprm/core/runtime';
import { seededFaults, type FaultPlan } from '@vlprm/core/testing';
import { runFaulted, type FaultedRunOptions } from './faulted-run.ts';
import type { FaultedRun, FaultSettings, Verdict } from './schema.ts';

/** Of what will be asked: later than this the command may end before it is killed. */
const LAST_KILL = 0.97;

interface Plans {
  readonly passing: FaultPlan;
  readonly lasting: FaultPlan;
}

function plansOf({ seed, faultShare, passing: kinds, filterShare }: FaultSettings): Plans {
  const passing = seededFaults({ seed: seedFrom(seed, 'passing'), share: faultShare, kinds });
  const filters = seededFaults({ seed: seedFrom(seed, 'filters'), share: filterShare, kinds: ['content-filter'] });
  return { passing, lasting: (call) => filters(call) ?? passing(call) };
}

/** Moments for kills, in contents asked for: drawn over the whole of an undisturbed run. */
function killMoments({ seed, kills }: FaultSettings, name: string, { calls }: FaultedRun): number[] {
  const random = createRandom(seedFrom(seed, 'kills', name));
  const moments = Array.from({ length: kills }, () => Math.floor(random.uniform() * LAST_KILL * calls.asked));
  return moments.sort((a, b) => a - b);
}

/**
 * The same problems again and again: undisturbed; with passing faults of every kind, to the end and killed at random; and,
 * where there are to be filters that never give way, with both, to the end and killed.
 */
export async function faultRuns(
  settings: FaultSettings,
  folder: string,
  onRun: (run: FaultedRun) => void = () => undefined,
): Promise<FaultedRun[]> {
  const { passing, lasting } = plansOf(settings);
  const runs: FaultedRun[] = [];
  const run = async (name: string, how: Pick<FaultedRunOptions, 'faults' | 'killsAt'>): Promise<FaultedRun> => {
    const random = createRandom(seedFrom(settings.seed, 'delays', name));
    const done = await runFaulted({ name, folder, settings, random, ...how });
    runs.push(done);
    onRun(done);
    return done;
  };
  await run('undisturbed', {});
  const faulted = await run('faults', { faults: passing });
  await run('faults-killed', { faults: passing, killsAt: killMoments(settings, 'faults', faulted) });
  if (settings.filterShare === 0) return runs;
  const filtered = await run('filters', { faults: lasting });
  await run('filters-killed', { faults: lasting, killsAt: killMoments(settings, 'filters', filtered) });
  return runs;
}

/** The names of runs for which something is not so; what was measured where it is so for all. */
function forAll(runs: readonly FaultedRun[], holds: (run: FaultedRun) => boolean, show: (run: FaultedRun) => string) {
  return {
    holds: runs.length > 0 && runs.every(holds),
    measured: runs.map((run) => `${run.name}: ${show(run)}`).join('; '),
  };
}

function sameHash(runs: readonly FaultedRun[]) {
  return {
    holds: runs.length > 1 && new Set(runs.map(({ hash }) => hash)).size === 1,
    measured: runs.map(({ name, hash }) => `${name}: ${hash.slice(0, 12)}`).join('; '),
  };
}

/** What the runs were made to show, and whether they do. */
export function faultVerdicts(runs: readonly FaultedRun[], { kills, problems }: FaultSettings): Verdict[] {
  const named = (...names: string[]) => runs.filter(({ name }) => names.includes(name));
  const killed = named('faults-killed', 'filters-killed');
  const filters = named('filters', 'filters-killed');
  return [
    {
      claim: `every run is complete: ${problems} problems`,
      ...forAll(
        runs,
        ({ complete }) => complete,
        ({ result }) => `${result.problems.done}`,
      ),
    },
    {
      claim: `${kills} kills`,
      ...forAll(
        killed,
        (run) => run.kills === kills,
        (run) => `${run.kills}`,
      ),
    },
    {
      claim: 'passing faults and kills leave the dataset of the undisturbed run, byte for byte',
      ...sameHash(named('undisturbed', 'faults', 'faults-killed')),
    },
    ...(filters.length === 0
      ? []
      : [
          {
            claim: 'with filters that never give way, kills leave the dataset of the run to the end',
            ...sameHash(filters),
          },
        ]),
    {
      claim: 'no label was made from a failure',
      ...forAll(
        runs,
        ({ labels }) => labels.labelled > 0 && labels.fromFailures === 0,
        ({ labels }) => `${labels.fromFailures} of ${labels.labelled}`,
      ),
    },
    {
      claim: 'no call is paid twice beyond those in flight at a kill',
      ...forAll(
        runs,
        ({ calls }) => calls.repeatedAfterAnswer <= calls.inFlightAtKills,
        ({ calls }) => `${calls.repeatedAfterAnswer} asked again after an answer, ${calls.inFlightAtKills} in flight`,
      ),
    },
    {
      claim: 'the ledger knows of every call that was answered, once',
      ...forAll(
        runs,
        ({ calls }) => calls.paid === calls.asked - calls.filtered,
        ({ calls }) => `${calls.paid} of ${calls.asked - calls.filtered}`,
      ),
    },
  ];
}
