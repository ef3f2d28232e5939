import cliProgress from 'cli-progress';
import { duration } from '../report/format-number.ts';
import type { TextSink } from './console.ts';

/** How far a stage has come. `total` is null when it is not known. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
}

export interface ProgressOptions {
  readonly silent: boolean;
  /** Milliseconds between two lines where there is no terminal. */
  readonly lineEveryMs?: number;
  readonly now?: () => number;
}

const LINE_EVERY_MS = 5_000;
/** Before this many seconds an estimate says nothing. */
const ESTIMATE_AFTER_SECONDS = 1;

/** Seconds left at the pace so far; null before there is a pace. */
export function secondsLeft(done: number, total: number, elapsedSeconds: number): number | null {
  if (done <= 0 || elapsedSeconds < ESTIMATE_AFTER_SECONDS) return null;
  return ((total - done) * elapsedSeconds) / done;
}

function describe({ stage, done, total }: Progress, elapsedSeconds: number): string {
  if (total === null) return `${stage}: ${done}`;
  const left = secondsLeft(done, total, elapsedSeconds);
  const share = total === 0 ? 100 : Math.floor((100 * done) / total);
  return `${stage}: ${done}/${total} (${share}%)${left === null ? '' : `, about ${duration(left)} left`}`;
}

/** Progress on stderr: a bar on a terminal, a line every few seconds elsewhere. */
export class ProgressDisplay {
  readonly #sink: TextSink;
  readonly #silent: boolean;
  readonly #lineEveryMs: number;
  readonly #now: () => number;
  #stage: string | null = null;
  #startedAt = 0;
  #lastLineAt = 0;
  #bar: cliProgress.SingleBar | null = null;

  constructor(sink: TextSink, { silent, lineEveryMs = LINE_EVERY_MS, now = Date.now }: ProgressOptions) {
    this.#sink = sink;
    this.#silent = silent;
    this.#lineEveryMs = lineEveryMs;
    this.#now = now;
  }

  update(progress: Progress): void {
    if (this.#silent) return;
    if (progress.stage !== this.#stage) this.#begin(progress);
    const elapsed = (this.#now() - this.#startedAt) / 1000;
    if (this.#sink.isTTY === true) this.#drawBar(progress, elapsed);
    else this.#writeLine(progress, elapsed);
  }

  /** Leaves the bar as it stands, so that a line can be written below it. */
  pause(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  /** Ends the current stage. */
  end(): void {
    this.pause();
    this.#stage = null;
  }

  #begin(progress: Progress): void {
    this.end();
    this.#stage = progress.stage;
    this.#startedAt = this.#now();
    this.#lastLineAt = Number.NEGATIVE_INFINITY;
  }

  #writeLine(progress: Progress, elapsedSeconds: number): void {
    const finished = progress.total !== null && progress.done >= progress.total;
    if (!finished && this.#now() - this.#lastLineAt < this.#lineEveryMs) return;
    this.#lastLineAt = this.#now();
    this.#sink.write(`${describe(progress, elapsedSeconds)}\n`);
  }

  #drawBar(progress: Progress, elapsedSeconds: number): void {
    const total = progress.total ?? Math.max(1, progress.done);
    const left = secondsLeft(progress.done, total, elapsedSeconds);
    const payload = { stage: progress.stage.padEnd(24), left: left === null ? '' : `${duration(left)} left` };
    if (this.#bar === null) {
      this.#bar = new cliProgress.SingleBar(
        { format: '{stage} {bar} {percentage}% {value}/{total} {left}', hideCursor: true, fps: 8 },
        cliProgress.Presets.rect,
      );
      this.#bar.start(total, progress.done, payload);
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(progress.done, payload);
    }
    if (progress.done >= total) this.pause();
  }
}
