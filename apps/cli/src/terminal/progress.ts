import type { Usage } from '@vlprm/core/records';
import type { EventOf } from '@vlprm/core/runtime';
import cliProgress from 'cli-progress';
import { duration, pace, spentShort } from '../report/format-number.ts';
import type { TextSink } from './console.ts';

type Progress = EventOf<'progress'>;

export interface ProgressOptions {
  readonly silent: boolean;
  /** Milliseconds between two lines of one stage where there is no terminal. */
  readonly lineEveryMs?: number;
  readonly now?: () => number;
}

const LINE_EVERY_MS = 5_000;
/** An estimate of less than this much work says nothing. */
const ESTIMATE_AFTER_SECONDS = 1;

interface StageLine {
  lastMs: number;
  finished: boolean;
}

/** Whether a stage that was last told about at `lastMs` (null: never) has something to say now. */
function isDue(progress: Progress, line: StageLine | undefined, nowMs: number, everyMs: number): boolean {
  if (isFinished(progress)) return line?.finished !== true;
  if (progress.done === 0 || (progress.total === null && progress.elapsedSeconds < ESTIMATE_AFTER_SECONDS))
    return false;
  return nowMs - (line?.lastMs ?? Number.NEGATIVE_INFINITY) >= everyMs;
}

function timeLeft({ etaSeconds, elapsedSeconds }: Progress): string | null {
  return etaSeconds === null || elapsedSeconds < ESTIMATE_AFTER_SECONDS ? null : duration(etaSeconds);
}

function paceNow({ perSecond, elapsedSeconds }: Progress): string | null {
  return perSecond === null || elapsedSeconds < ESTIMATE_AFTER_SECONDS ? null : pace(perSecond);
}

const isFinished = ({ done, total }: Progress): boolean => total !== null && done >= total;

/** How far a stage is, without its cost. */
function stageParts(progress: Progress): (string | null)[] {
  const { stage, done, total, elapsedSeconds } = progress;
  const speed = paceNow(progress);
  if (total === null) return [`${stage}: ${done} so far`, speed];
  if (isFinished(progress)) return [`${stage}: ${done}/${total} in ${duration(elapsedSeconds)}`];
  const left = timeLeft(progress);
  const share = Math.floor((100 * done) / total);
  return [`${stage}: ${done}/${total} (${share}%)`, speed, left === null ? null : `about ${left} left`];
}

/** Progress on stderr: a bar per running stage on a terminal, a line every few seconds elsewhere. */
export class ProgressDisplay {
  readonly #sink: TextSink;
  readonly #silent: boolean;
  readonly #lineEveryMs: number;
  readonly #now: () => number;
  readonly #lines = new Map<string, StageLine>();
  readonly #bars = new Map<string, cliProgress.SingleBar>();
  #screen: cliProgress.MultiBar | null = null;
  #costBar: cliProgress.SingleBar | null = null;
  #spent: () => Usage | null = () => null;

  constructor(sink: TextSink, { silent, lineEveryMs = LINE_EVERY_MS, now = Date.now }: ProgressOptions) {
    this.#sink = sink;
    this.#silent = silent;
    this.#lineEveryMs = lineEveryMs;
    this.#now = now;
  }

  /** Shows beside the progress what has been spent: null, or no call, for nothing to show. */
  showCost(spent: () => Usage | null): void {
    this.#spent = spent;
  }

  update(progress: Progress): void {
    if (this.#silent) return;
    if (this.#sink.isTTY === true) this.#drawBar(progress);
    else this.#writeLine(progress);
  }

  /** Leaves the bars as they stand, so that lines can be written below them. */
  end(): void {
    this.#screen?.stop();
    this.#screen = null;
    this.#costBar = null;
    this.#bars.clear();
    this.#lines.clear();
  }

  #writeLine(progress: Progress): void {
    const now = this.#now();
    if (!isDue(progress, this.#lines.get(progress.stage), now, this.#lineEveryMs)) return;
    this.#lines.set(progress.stage, { lastMs: now, finished: isFinished(progress) });
    const parts = [...stageParts(progress), this.#cost()].filter((part) => part !== null);
    this.#sink.write(`${parts.join(', ')}\n`);
  }

  #cost(): string | null {
    const spent = this.#spent();
    return spent === null || spent.calls === 0 ? null : spentShort(spent);
  }

  #drawBar(progress: Progress): void {
    const total = progress.total ?? Math.max(1, progress.done);
    const left = isFinished(progress) ? duration(progress.elapsedSeconds) : (timeLeft(progress) ?? '');
    const speed = isFinished(progress) ? '' : (paceNow(progress) ?? '');
    const payload = { stage: progress.stage.padEnd(22), left, speed };
    const bar = this.#bars.get(progress.stage);
    if (bar === undefined) {
      this.#screen ??= new cliProgress.MultiBar(
        {
          format: '{stage} {bar} {percentage}% {value}/{total} {speed} {left}',
          hideCursor: true,
          fps: 8,
          clearOnComplete: false,
        },
        cliProgress.Presets.rect,
      );
      this.#bars.set(progress.stage, this.#screen.create(total, progress.done, payload));
    } else {
      bar.setTotal(total);
      bar.update(progress.done, payload);
    }
    this.#drawCost();
  }

  /** A line of its own below the bars that there are when the first call is paid. */
  #drawCost(): void {
    const cost = this.#cost();
    if (cost === null) return;
    this.#costBar ??= this.#screen?.create(1, 0, { cost }, { format: 'spent {cost}' }) ?? null;
    this.#costBar?.update(0, { cost });
  }
}
