import { Pace } from './pace.ts';

/** How far a stage is. */
export interface Progress {
  readonly type: 'progress';
  readonly stage: string;
  readonly done: number;
  /** Null when the end is not known. */
  readonly total: number | null;
  readonly elapsedSeconds: number;
  /** Units a second now, without those that an earlier run has done; null until something was done. */
  readonly perSecond: number | null;
  /** Expected time to the end at this speed; null without one, or without a total. */
  readonly etaSeconds: number | null;
}

/** Something worth telling that stops nothing. */
export interface Warning {
  readonly type: 'warning';
  readonly stage: string;
  readonly message: string;
}

export type RunEvent = Progress | Warning;
export type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** Where a run tells what it does. A listener that throws does not disturb the others or the run. */
export interface Events {
  emit(event: RunEvent): void;
  /** Listens to one type of event; call the result to stop. */
  on<Type extends RunEvent['type']>(type: Type, listener: (event: EventOf<Type>) => void): () => void;
}

export function createEvents(): Events {
  const listeners = new Set<{ type: RunEvent['type']; hear: (event: never) => void }>();
  return {
    emit: (event) => {
      for (const { type, hear } of [...listeners]) {
        if (type !== event.type) continue;
        try {
          hear(event as never);
        } catch {
          // A broken display is no reason to lose a run.
        }
      }
    },
    on: (type, hear) => {
      const listener = { type, hear };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export interface StageOptions {
  readonly total: number | null;
  /** Units that an earlier run has done; they count as done but not towards the speed. */
  readonly alreadyDone?: number;
  /** Clock in milliseconds, `performance.now` by default. */
  readonly now?: () => number;
}

/** Counts the work of a stage and tells it, from the first event at 0 on. */
export interface StageProgress {
  /** Adds units of work done, 1 by default. What an earlier run has done (`reused`) does not count towards the speed. */
  advance(units?: number, options?: { readonly reused?: boolean }): void;
  readonly done: number;
}

/** Begins a stage: tells its progress now and whenever it advances. */
export function startStage(events: Events, stage: string, options: StageOptions): StageProgress {
  const { total, alreadyDone = 0, now = () => performance.now() } = options;
  const start = now();
  const pace = new Pace(start);
  let done = alreadyDone;
  const tell = (ms: number): void => {
    const perSecond = pace.perSecond(ms);
    const etaSeconds = total === null || perSecond === null ? null : Math.max(0, (total - done) / perSecond);
    events.emit({ type: 'progress', stage, done, total, elapsedSeconds: (ms - start) / 1000, perSecond, etaSeconds });
  };
  tell(start);
  return {
    advance: (units = 1, { reused = false } = {}) => {
      const ms = now();
      done += units;
      pace.add(reused ? 0 : units, ms);
      tell(ms);
    },
    get done() {
      return done;
    },
  };
}
