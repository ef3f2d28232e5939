/** A speed is taken over at least so much time and so many marks: slow work comes in rarely, fast work in bursts. */
const WINDOW_MS = 60_000;
const FEWEST_MARKS = 20;
/** Two marks are at least this far apart, so that their number stays small however fast the work is. */
const MARK_EVERY_MS = 1000;

interface Mark {
  readonly ms: number;
  readonly units: number;
}

/** How fast work goes now: over the last minute, or longer where little comes in. */
export class Pace {
  #units = 0;
  #marks: Mark[];

  constructor(nowMs: number) {
    this.#marks = [{ ms: nowMs, units: 0 }];
  }

  /** Counts units that were done by now; 0 for what cost no time, which before the first real work begins the clock anew. */
  add(units: number, nowMs: number): void {
    if (units === 0 && this.#units === 0) this.#marks = [{ ms: nowMs, units: 0 }];
    this.#units += units;
    if (nowMs - this.#marks.at(-1)!.ms >= MARK_EVERY_MS) this.#marks.push({ ms: nowMs, units: this.#units });
    while (this.#marks.length > FEWEST_MARKS && nowMs - this.#marks[1]!.ms > WINDOW_MS) this.#marks.shift();
  }

  /** Units a second; null until some were done in some time. */
  perSecond(nowMs: number): number | null {
    const from = this.#marks[0]!;
    const units = this.#units - from.units;
    return units === 0 || nowMs <= from.ms ? null : (1000 * units) / (nowMs - from.ms);
  }
}
