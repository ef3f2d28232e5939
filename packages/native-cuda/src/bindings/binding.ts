/** How one op crosses into the addon: its arguments in the order in which csrc/napi/<op>.cc reads them, and what comes back. */
export interface Binding<Plan, Result> {
  readonly arguments: (plan: Plan) => readonly unknown[];
  readonly result: (raw: unknown, plan: Plan) => Result;
}

/** An op that can compute while JavaScript goes on. */
export interface BackgroundBinding<Plan, Result> extends Binding<Plan, Result> {
  /** Bytes that the op moves; where arithmetic takes the time, as many as would take as long (4 operations a byte). */
  readonly bytes: (plan: Plan) => number;
  /** The plan over inputs that stay where and what they are meanwhile: see src/held.ts. */
  readonly held: (plan: Plan) => Plan;
}

export function nothing(): void {
  // The op wrote its outputs in place.
}
