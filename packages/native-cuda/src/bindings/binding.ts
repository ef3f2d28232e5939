/** How one op crosses into the addon: its arguments in the order in which csrc/napi/<op>.cc reads them, and what comes back. */
export interface Binding<Plan, Result> {
  readonly arguments: (plan: Plan) => readonly unknown[];
  readonly result: (raw: unknown, plan: Plan) => Result;
}

export function nothing(): void {
  // The op wrote its outputs in place.
}
