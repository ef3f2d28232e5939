export { exchangeSchema, RECORDING_SCHEMA, type RecordedExchange } from './exchange.ts';
export { recordingFetch, type RecordingOptions } from './recording-fetch.ts';
export type { RedactionOptions } from './redaction.ts';
export { replayingFetch } from './replaying-fetch.ts';
