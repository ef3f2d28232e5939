export { type SynthesisOptions } from './options.ts';
export { type StageName } from './stage.ts';
export { synthesize, type SynthesisRequest, type SynthesisResult, type SynthesisSummary } from './synthesize.ts';
