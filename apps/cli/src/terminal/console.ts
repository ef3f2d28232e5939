import { createEvents, type Events } from '@vlprm/core/runtime';
import { ProgressDisplay } from './progress.ts';

export type OutputFormat = 'text' | 'json';

/** A sink of text, such as `process.stdout`. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface ConsoleOptions {
  readonly format: OutputFormat;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/** Where a command speaks: results on stdout, everything else on stderr. */
export class Console {
  readonly format: OutputFormat;
  readonly verbose: boolean;
  readonly progress: ProgressDisplay;
  /** What is told here is shown as progress and notes. */
  readonly events: Events = createEvents();
  readonly #stdout: TextSink;
  readonly #stderr: TextSink;
  readonly #quiet: boolean;

  constructor({ format, quiet, verbose, stdout, stderr }: ConsoleOptions) {
    this.format = format;
    this.verbose = verbose;
    this.#quiet = quiet;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.progress = new ProgressDisplay(stderr, { silent: quiet });
    this.events.on('progress', (progress) => this.progress.update(progress));
    this.events.on('warning', ({ stage, message }) => this.note(`${stage}: ${message}`));
  }

  /** The command's one result: `value` as a JSON document, or `text` for a reader. */
  result(value: unknown, text: string): void {
    this.progress.end();
    const shown = this.format === 'json' ? JSON.stringify(value, null, 2) : text;
    this.#stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
  }

  /** Something worth knowing that is no result. */
  note(line: string): void {
    if (this.#quiet) return;
    this.progress.end();
    this.#stderr.write(`${line}\n`);
  }

  /** A detail that only `--verbose` shows. */
  detail(line: string): void {
    if (this.verbose) this.note(line);
  }
}
