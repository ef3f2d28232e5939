/** Element types that vlprm's models use, with the typed array that holds each. */
export interface OnnxArrays {
  float32: Float32Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type OnnxElement = keyof OnnxArrays;

/** A dense row-major tensor; `data.length` is the product of `dims`. */
export type OnnxTensor = {
  [E in OnnxElement]: { readonly type: E; readonly dims: readonly number[]; readonly data: OnnxArrays[E] };
}[OnnxElement];

export type OnnxFeeds = Readonly<Record<string, OnnxTensor>>;
export type OnnxOutputs = Record<string, OnnxTensor>;

/** What the main thread asks of the worker. `session` numbers are given out by the main thread. */
export type OnnxRequest =
  | { readonly op: 'open'; readonly session: number; readonly model: string | Uint8Array; readonly threads: number }
  | {
      readonly op: 'run';
      readonly session: number;
      readonly feeds: OnnxFeeds;
      readonly outputs: readonly string[] | null;
    }
  | { readonly op: 'release'; readonly session: number };

/** Why a request failed; the main thread makes a VlprmError of it. */
export interface OnnxFailure {
  readonly kind: 'missing-runtime' | 'open' | 'run';
  readonly message: string;
}

export type OnnxReply =
  | { readonly op: 'opened'; readonly inputs: readonly string[]; readonly outputs: readonly string[] }
  | { readonly op: 'outputs'; readonly outputs: OnnxOutputs }
  | { readonly op: 'released' }
  | { readonly op: 'failed'; readonly failure: OnnxFailure };

export interface Numbered<T> {
  readonly call: number;
  readonly body: T;
}
