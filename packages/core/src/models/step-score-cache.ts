import { LRUCache } from 'lru-cache';
import { contentHash, sha256 } from '../runtime/content-hash.ts';
import { VlprmError } from '../runtime/errors.ts';
import { untilAborted } from '../runtime/flow/abort.ts';
import { hashOfImage } from './image.ts';
import type { Solution } from './ports.ts';
import type { StepReading } from './step-reading.ts';

/** Reads the steps at these places of the keys; as many readings, in the same order. */
export type ReadSteps = (places: readonly number[]) => Promise<readonly StepReading[]>;

/** Readings that one tenant has made. */
export interface KnownReadings {
  /**
   * A reading for each key, in order. `read` is asked, once, for those that are neither known nor being read; the others
   * are waited for. What another caller fails to read fails here too, unless that caller was interrupted: then it is read
   * again. Failures are not kept.
   * @throws what `read` throws; ERR_ABORTED
   */
  through(keys: readonly string[], read: ReadSteps, signal?: AbortSignal): Promise<StepReading[]>;
}

export interface StepScoreCacheOptions {
  /** Memory for all tenants together. Default 64 MiB, about 200,000 steps. */
  readonly maxBytes?: number;
  /** Memory for one tenant. Default all of it. */
  readonly tenantBytes?: number;
}

/**
 * Logit differences of steps by the hash of everything that they depend on. Every tenant has a cache of its own: what one
 * reads, another neither sees nor can tell from the time that it takes, and however much it reads, it pushes out nothing
 * of another. There is room for ⌊maxBytes / tenantBytes⌋ tenants; one more takes the place of the one seen longest ago.
 */
export interface StepScoreCache {
  tenant(name: string): KnownReadings;
}

/** Bytes on the heap for one reading with its key, measured on Node 22 (312) and rounded up. */
const READING_BYTES = 320;

/** ERR_RANGE unless 0 < tenantBytes ≤ maxBytes. */
export function createStepScoreCache(options: StepScoreCacheOptions = {}): StepScoreCache {
  const { maxBytes = 64 * 2 ** 20, tenantBytes = maxBytes } = options;
  if (!(tenantBytes >= READING_BYTES && tenantBytes <= maxBytes)) {
    throw new VlprmError('ERR_RANGE', `a step-score cache of ${maxBytes} bytes, ${tenantBytes} for a tenant`, {
      fix: `give a tenant at least ${READING_BYTES} bytes and at most all of them`,
    });
  }
  const tenants = new LRUCache<string, KnownReadings>({ max: Math.floor(maxBytes / tenantBytes) });
  return {
    tenant: (name) => {
      const known = tenants.get(name) ?? createKnownReadings(tenantBytes);
      tenants.set(name, known);
      return known;
    },
  };
}

type Flight = Promise<ReadonlyMap<string, StepReading>>;

function createKnownReadings(bytes: number): KnownReadings {
  const kept = new LRUCache<string, StepReading>({ maxSize: bytes, sizeCalculation: () => READING_BYTES });
  const flights = new Map<string, Flight>();

  const take = (places: ReadonlyMap<string, number>, read: ReadSteps): Flight => {
    const flight = readAll(places, read)
      .then((found) => {
        for (const [key, reading] of found) kept.set(key, reading);
        return found;
      })
      .finally(() => {
        for (const key of places.keys()) flights.delete(key);
      });
    for (const key of places.keys()) flights.set(key, flight);
    return flight;
  };

  return {
    through: async (keys, read, signal) => {
      const found = new Map<string, StepReading>();
      for (;;) {
        const unread = new Map<string, number>();
        const awaited = new Set<Flight>();
        keys.forEach((key, place) => {
          if (found.has(key) || unread.has(key)) return;
          const reading = kept.get(key);
          const flight = flights.get(key);
          if (reading !== undefined) found.set(key, reading);
          else if (flight !== undefined) awaited.add(flight);
          else unread.set(key, place);
        });
        if (unread.size === 0 && awaited.size === 0) return keys.map((key) => found.get(key)!);
        const own = unread.size === 0 ? null : take(unread, read);
        const others = untilAborted(Promise.all([...awaited].map(unlessInterrupted)), signal);
        const [mine, theirs] = await Promise.allSettled([own, others]);
        if (mine.status === 'rejected') throw mine.reason;
        if (theirs.status === 'rejected') throw theirs.reason;
        for (const readings of [mine.value, ...theirs.value]) {
          for (const [key, reading] of readings ?? []) found.set(key, reading);
        }
      }
    },
  };
}

async function readAll(places: ReadonlyMap<string, number>, read: ReadSteps): Flight {
  const readings = await read([...places.values()]);
  return new Map([...places.keys()].map((key, index) => [key, readings[index]!]));
}

/** What a flight brings; null when the caller that it belongs to was interrupted. */
async function unlessInterrupted(flight: Flight): Promise<ReadonlyMap<string, StepReading> | null> {
  try {
    return await flight;
  } catch (error) {
    if (VlprmError.is(error) && error.code === 'ERR_ABORTED') return null;
    throw error;
  }
}

/**
 * [steps] Keys of the prefixes that end with each step. `model` names everything else that a reading depends on: the
 * model, its instruction, template and labels.
 */
export function prefixKeys(model: string, { problem, images, steps }: Solution): string[] {
  let key = contentHash([model, problem.question, images.map(hashOfImage)]);
  return steps.map(({ kind, text }) => (key = sha256(JSON.stringify([key, kind, text]))));
}
