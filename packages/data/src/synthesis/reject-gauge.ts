import type { Reject } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';

/** Rows before which a share says nothing. */
const MIN_ROWS = 50;
/** Distinct reasons that are told. */
const MAX_REASONS = 10;

/** Watches how much of a run is set aside. A row is one solution that the dataset could have had. */
export class RejectGauge {
  readonly #limit: number;
  readonly #reasons = new Map<string, number>();
  #rows = 0;
  #rejected = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds rows, `rejected` of which cannot be used, and why. */
  add(rows: number, rejected: number, rejects: readonly Pick<Reject, 'code' | 'reason'>[]): void {
    this.#rows += rows;
    this.#rejected += rejected;
    for (const { code, reason } of rejects) {
      const key = `${code}: ${reason}`;
      if (this.#reasons.has(key) || this.#reasons.size < MAX_REASONS) {
        this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
      }
    }
  }

  /** @throws ERR_TOO_MANY_REJECTS once enough rows are done, or at the `end` of all, and the share is above the limit */
  check(end: boolean): void {
    if (this.#rows === 0 || (!end && this.#rows < MIN_ROWS)) return;
    if (this.#rejected <= this.#limit * this.#rows) return;
    const reasons = [...this.#reasons].map(([reason, count]) => `${count} × ${reason}`).join('; ');
    throw new VlprmError(
      'ERR_TOO_MANY_REJECTS',
      `${this.#rejected} of ${this.#rows} solutions cannot be used, more than a share of ${this.#limit}: ${reasons}`,
      { fix: 'mend what the reasons name, or raise --max-reject-rate; what was done is kept' },
    );
  }
}
