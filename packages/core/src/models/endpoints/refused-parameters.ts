import type { WireBody } from './model-service.ts';

/** Leaving these out changes how tokens are drawn, who cuts the text or whether its cost is told, not what was asked. */
const OMITTED: ReadonlySet<string> = new Set(['temperature', 'top_p', 'seed', 'stop', 'stream_options']);
/** Two names of one limit: old and new services know one each. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'max_completion_tokens'],
  ['max_completion_tokens', 'max_tokens'],
]);

/** Parameters that an endpoint's model has refused, as reasoning models do: later calls go without them. */
export interface RefusedParameters {
  has(name: string): boolean;
  /** The body without what was refused. */
  apply(body: WireBody): WireBody;
  /** Remembers a refusal of what `sent` had. True when the same call may be sent again without it. */
  learn(name: string, sent: WireBody): boolean;
}

export function createRefusedParameters(): RefusedParameters {
  const refused = new Set<string>();
  return {
    has: (name) => refused.has(name),
    apply(body) {
      const kept = Object.entries(body).filter(([name]) => !(OMITTED.has(name) && refused.has(name)));
      return Object.fromEntries(
        kept.map(([name, value]) => [(refused.has(name) ? RENAMED.get(name) : undefined) ?? name, value]),
      );
    },
    learn(name, sent) {
      const other = RENAMED.get(name);
      if (!(name in sent) || (other === undefined && !OMITTED.has(name))) return false;
      if (other !== undefined && refused.has(other)) return false;
      refused.add(name);
      return true;
    },
  };
}
