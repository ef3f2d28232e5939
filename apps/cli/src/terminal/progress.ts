import type { EventOf } from '@vlprm/core/runtime';
import cliProgress from 'cli-progress';
import { duration } from '../report/format-number.ts';
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

const isFinished = ({ done, total }: Progress): boolean => total !== null && done >= total;

function describe(progress: Progress): string {
  const { stage, done, total, elapsedSeconds } = progress;
  if (total === null) return `${stage}: ${done} so far`;
  if (isFinished(progress)) return `${stage}: ${done}/${total} in ${duration(elapsedSeconds)}`;
  const left = timeLeft(progress);
  const share = Math.floor((100 * done) / total);
  return `${stage}: ${done}/${total} (${share}%)${left === null ? '' : `, about ${left} left`}`;
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

  constructor(sink: TextSink, { silent, lineEveryMs = LINE_EVERY_MS, now = Date.now }: ProgressOptions) {
    this.#sink = sink;
    this.#silent = silent;
    this.#lineEveryMs = lineEveryMs;
    this.#now = now;
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
    this.#bars.clear();
    this.#lines.clear();
  }

  #writeLine(progress: Progress): void {
    const now = this.#now();
    if (!isDue(progress, this.#lines.get(progress.stage), now, this.#lineEveryMs)) return;
    this.#lines.set(progress.stage, { lastMs: now, finished: isFinished(progress) });
    this.#sink.write(`${describe(progress)}\n`);
  }

  #drawBar(progress: Progress): void {
    const total = progress.total ?? Math.max(1, progress.done);
    const left = isFinished(progress) ? duration(progress.elapsedSeconds) : (timeLeft(progress) ?? '');
    const payload = { stage: progress.stage.padEnd(22), left };
    const bar = this.#bars.get(progress.stage);
    if (bar === undefined) {
      this.#screen ??= new cliProgress.MultiBar(
        {
          format: '{stage} {bar} {percentage}% {value}/{total} {left}',
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
  }
}
