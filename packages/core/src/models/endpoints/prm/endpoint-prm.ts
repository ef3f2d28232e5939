import { contentHash } from '../../../runtime/content-hash.ts';
import { errorAt } from '../../../runtime/gateway/service-error.ts';
import type { ProcessRewardModel, Solution, StepScores } from '../../ports.ts';
import { placeOfSolution, requireSteps, stepScores, type StepReading } from '../../step-reading.ts';
import { prefixKeys, type KnownReadings, type StepScoreCache } from '../../step-score-cache.ts';
import { prmSchema, type EndpointConfig } from '../endpoint-config.ts';
import type { ModelService } from '../model-service.ts';
import { stepLogitReader } from './readers.ts';
import { addCost, NO_COST, type ReadingCost, type StepLogitReader } from './step-logit-reader.ts';

export interface EndpointPrmOptions {
  /** Keeps readings of steps, so that a search reads only what is new. Default none. */
  readonly cache?: StepScoreCache;
  /** Whose readings these are. */
  readonly tenant?: string;
}

interface Scored {
  readonly scores: StepScores;
  readonly cost: ReadingCost;
}

/**
 * A PRM behind an endpoint, read as `config.prm` says. `forwards` are the passes of the model that were made for a call or
 * taken from the ledger; steps from the cache, and passes that another caller waits for too, cost nothing.
 * All solutions are read at once. When one fails the others are waited for, since what they bring is kept, and then the
 * first error is thrown with the place that it belongs to. The service is the caller's to close.
 * @throws ServiceError ERR_CAPABILITY_MISSING when the endpoint cannot be read in this way
 */
export function createEndpointPrm(
  service: ModelService,
  { prm: given, extraBody }: Pick<EndpointConfig, 'prm' | 'extraBody'>,
  { cache, tenant = '' }: EndpointPrmOptions = {},
): ProcessRewardModel {
  const config = given ?? prmSchema.parse({});
  const { temperature, threshold, ...readAs } = config;
  const reader = stepLogitReader(service, config);
  const identity = contentHash([service.name, readAs, extraBody ?? null]);

  const score = async (solution: Solution, known: KnownReadings, signal?: AbortSignal): Promise<Scored> => {
    let cost = NO_COST;
    const readings = await readSteps(
      prefixKeys(identity, solution),
      reader,
      known,
      async (steps) => {
        const { readings: read, ...taken } = await reader.read(solution, steps, signal);
        cost = addCost(cost, taken);
        return read;
      },
      signal,
    );
    return { scores: stepScores(readings, temperature, cost.tokens), cost };
  };

  return {
    name: service.name,
    threshold,
    capabilities: { images: service.capabilities.images, maxSteps: null },
    scoreSteps: async (solutions, signal) => {
      solutions.forEach(requireSteps);
      const known = cache?.tenant(tenant) ?? alwaysUnknown;
      const scored = await everyOne(solutions, (solution) => score(solution, known, signal), placeOfSolution);
      const { forwards, usage } = scored.map(({ cost }) => cost).reduce(addCost, NO_COST);
      return { scores: scored.map(({ scores }) => scores), forwards, usage };
    },
  };
}

const alwaysUnknown: KnownReadings = {
  through: async (keys, read) => [...(await read(keys.map((_, place) => place)))],
};

/** Readings of all steps of a solution, those that are not known in one call or in one call each. */
async function readSteps(
  keys: readonly string[],
  { readsAllStepsAtOnce }: StepLogitReader,
  known: KnownReadings,
  read: (steps: readonly number[]) => Promise<readonly StepReading[]>,
  signal: AbortSignal | undefined,
): Promise<StepReading[]> {
  if (readsAllStepsAtOnce) return known.through(keys, read, signal);
  const single = await everyOne(
    keys,
    (key, step) => known.through([key], () => read([step]), signal),
    (_, step) => `step ${step}`,
  );
  return single.flat();
}

/** All results; when any work fails, the error of the first item that failed, once all have settled. */
async function everyOne<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
  place: (item: Item, index: number) => string,
): Promise<Result[]> {
  const settled = await Promise.allSettled(items.map(work));
  return settled.map((result, index) => {
    if (result.status === 'fulfilled') return result.value;
    throw errorAt(place(items[index]!, index), result.reason);
  });
}
