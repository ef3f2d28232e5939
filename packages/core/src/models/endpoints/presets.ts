import { VlprmError } from '../../runtime/errors.ts';
import type { Sampling } from './chat.ts';
import type { EndpointConfig } from './endpoint-config.ts';

type SamplingValues = Partial<Sampling>;

/** Ways to sample that somebody has reported results with. */
export const SAMPLING_PRESETS: Readonly<Record<string, SamplingValues>> = {
  /** Qwen2.5-VL as the policy of VL-PRM's test-time scaling (arXiv 2509.23250; repository theogbrand/vlprm, reward_guided_search). */
  'qwen2.5-vl': { temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.05, maxTokens: 16_384 },
  /** Gemma 3 as the policy there. */
  'gemma-3': { temperature: 0.7, topP: 0.95, topK: 64, maxTokens: 16_384 },
  /** Solutions and rollouts of the VL-PRM300K data (there, rollout_generation). */
  'vl-prm-rollouts': { temperature: 1, maxTokens: 8192 },
  /** The most likely token at every place. */
  greedy: { temperature: 0 },
};

/** Nothing is asked for: the server decides, but for the length. */
const UNSET: Sampling = {
  temperature: null,
  topP: null,
  topK: null,
  minP: null,
  repetitionPenalty: null,
  maxTokens: 4096,
};

function presetOf(name: string): SamplingValues {
  const preset = Object.hasOwn(SAMPLING_PRESETS, name) ? SAMPLING_PRESETS[name] : undefined;
  if (preset !== undefined) return preset;
  throw new VlprmError('ERR_CONFIG', `no sampling preset is called ${JSON.stringify(name)}`, {
    where: 'sampling',
    fix: `take one of ${Object.keys(SAMPLING_PRESETS).join(', ')}, or give values`,
  });
}

/**
 * The sampling that a configuration asks for: its values, else those of its preset, else `fallback`, else the server's
 * (null). `maxTokens` is 4096 where nothing says otherwise.
 * @throws ERR_CONFIG for a preset that does not exist
 */
export function resolveSampling(config: EndpointConfig['sampling'], fallback: SamplingValues = {}): Sampling {
  const { preset, ...values } = typeof config === 'string' ? { preset: config } : (config ?? {});
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return { ...UNSET, ...fallback, ...(preset === undefined ? {} : presetOf(preset)), ...Object.fromEntries(given) };
}
