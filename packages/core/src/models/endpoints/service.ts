import type { Budget } from '../../runtime/budget.ts';
import type { Clock, ReplicaPool, ReplicaPoolOptions, ReplicaStatus } from '../../runtime/flow/index.ts';
import { createReplicaPool, systemClock } from '../../runtime/flow/index.ts';
import type { Events } from '../../runtime/events.ts';
import {
  callKey,
  createGateway,
  type Answered,
  type Delivered,
  type Gateway,
  type GatewayOptions,
  type ServiceCall,
  type TokenEstimate,
} from '../../runtime/gateway/index.ts';
import type { LedgerAccess } from '../../runtime/ledger.ts';
import { scalePrice, type PriceTable } from '../../runtime/prices.ts';
import type { Random } from '../../runtime/random.ts';
import { createBatchPool } from './batch/batch-pool.ts';
import { createBatchQueue, type BatchQueue, type BatchQueueOptions } from './batch/batch-queue.ts';
import type { EndpointCapabilities } from './capabilities.ts';
import { chatAnswerSchema, type ChatAnswer, type ChatRequest } from './chat.ts';
import { holdToRequest, joinParts, splitChoices, type ChoicePart } from './choices.ts';
import { definedFields } from './defined-fields.ts';
import { dialectOf, type Dialect } from './dialects/index.ts';
import type { EndpointConfig, EndpointKind } from './endpoint-config.ts';
import { estimateTokens } from './estimate.ts';
import { createImageEncoder, type ImageEncoder } from './image-url.ts';
import type { CallContext, Exchange, JsonWithImages, ModelService, WireBody } from './model-service.ts';
import { createRefusedParameters } from './refused-parameters.ts';
import { createReplicas, type EndpointReplica, type ReplicaOptions } from './replica.ts';
import { requireCapabilities } from './requirements.ts';
import { reading, sendTo, type Sender } from './sending.ts';

export interface ModelServiceOptions extends ReplicaOptions {
  /** Stays open when the service is closed. */
  readonly ledger: LedgerAccess;
  /** One for all services of a run. Default: no limits. */
  readonly budget?: Budget;
  /** Default: no price is known. */
  readonly prices?: PriceTable;
  /** What a probe found; the configuration overrides it. */
  readonly probed?: Partial<EndpointCapabilities>;
  /** One for all services of a process. Default: one of its own. */
  readonly images?: ImageEncoder;
  readonly pool?: Omit<ReplicaPoolOptions, 'random' | 'clock'>;
  readonly retry?: GatewayOptions<EndpointReplica>['retry'];
  readonly random?: Pick<Random, 'uniform'>;
  readonly clock?: Clock;
  /** Told how far batches are. */
  readonly events?: Events;
}

/** A model service over a pool of replicas. */
export interface PooledModelService extends ModelService {
  /** What each replica is doing. */
  status(): ReplicaStatus[];
}

/** For one attempt of a call, or one HTTP request of a batch API. */
const DEFAULT_TIMEOUT_MS = 600_000;

class EndpointService implements PooledModelService {
  readonly name: string;
  readonly kind: EndpointKind;
  readonly preferredBatch?: number;
  readonly #config: EndpointConfig;
  readonly #where: string;
  readonly #dialect: Dialect;
  readonly #capabilities: EndpointCapabilities;
  readonly #images: ImageEncoder;
  readonly #refused = createRefusedParameters();
  /** Null where calls are made one by one. */
  readonly #batches: BatchQueue | null;
  readonly #pool: ReplicaPool<EndpointReplica>;
  readonly #gateway: Gateway<EndpointReplica>;

  constructor(config: EndpointConfig, options: ModelServiceOptions) {
    const { ledger, budget, prices, random, clock, retry } = options;
    this.name = config.model;
    this.kind = config.kind;
    this.#config = config;
    this.#where = `endpoint ${options.endpoint}`;
    this.#dialect = dialectOf(config.kind);
    this.#capabilities = {
      ...this.#dialect.assumed,
      ...definedFields(options.probed ?? {}),
      ...definedFields(config.capabilities ?? {}),
    };
    this.#images = options.images ?? createImageEncoder();
    const injected = { ...(random && { random }), ...(clock && { clock }) };
    const { prefixWarmupMs } = this.#dialect;
    const replicas = createReplicas(config, this.#dialect, options);
    const attempts = { ...retry, ...(config.maxAttempts === undefined ? {} : { maxAttempts: config.maxAttempts }) };
    const timeoutMs = config.timeoutSeconds === undefined ? DEFAULT_TIMEOUT_MS : config.timeoutSeconds * 1000;
    this.#batches = openBatches(config, replicas[0]!.replica, { ...options, retry: attempts, timeoutMs });
    if (this.#batches && config.batch) this.preferredBatch = config.batch.maxRequests;
    this.#pool = this.#batches
      ? createBatchPool(replicas[0]!)
      : createReplicaPool(replicas, { prefixWarmupMs, ...options.pool, ...injected });
    this.#gateway = createGateway({
      pool: this.#pool,
      ledger,
      ...(budget && { budget }),
      ...(prices && { prices: config.batch ? scalePrice(prices, config.model, config.batch.priceFactor) : prices }),
      ...injected,
      // What failed in one batch goes into the next: there is nothing to wait for.
      retry: this.#batches ? { ...attempts, baseDelayMs: 0 } : attempts,
      timeoutMs: this.#batches ? Infinity : timeoutMs,
    });
  }

  get capabilities(): EndpointCapabilities {
    const { sampling } = this.#capabilities;
    return { ...this.#capabilities, sampling: sampling && !this.#refused.has('temperature') };
  }

  status(): ReplicaStatus[] {
    return this.#pool.status();
  }

  async chat(request: ChatRequest, context: CallContext): Promise<Answered<ChatAnswer>> {
    requireCapabilities(request, this.#capabilities, this.#where);
    const most = this.#capabilities.n ? this.#dialect.maxChoices : 1;
    const [first, ...others] = splitChoices(request, most);
    const answers = [await this.#chatPart(first!, context)];
    const rest = await Promise.allSettled(others.map((part) => this.#chatPart(part, context)));
    for (const part of rest) {
      if (part.status === 'rejected') throw part.reason;
      answers.push(part.value);
    }
    return joinParts(answers);
  }

  post<Answer>(exchange: Exchange<Answer>, context: CallContext): Promise<Answered<Answer>> {
    const { path, estimate, answerSchema } = exchange;
    const { extraBody } = this.#config;
    return this.#call(context, {
      content: { operation: path, kind: this.kind, model: this.name, body: exchange.body, extraBody },
      estimate,
      answerSchema,
      send: async (replica, { signal }) => {
        const named = exchange.body['model'] === this.name ? { model: replica.model } : {};
        const body = withExtras({ ...exchange.body, ...named }, extraBody);
        const url = replica.addresses.root + path;
        const { json, quota } = await sendTo(this.#sender, { replica, url, body, images: context.images }, signal);
        return reading(replica, () => ({ ...exchange.read(json), quota }));
      },
    });
  }

  async close(): Promise<void> {
    await this.#gateway.close();
    await this.#batches?.close();
  }

  get #sender(): Sender {
    return { dialect: this.#dialect, images: this.#images, refused: this.#refused };
  }

  #call<Answer>(
    { stage, affinity, signal }: CallContext,
    call: Pick<ServiceCall<EndpointReplica, Answer>, 'content' | 'estimate' | 'answerSchema' | 'send'>,
  ): Promise<Answered<Answer>> {
    return this.#gateway.call({ stage, affinity, model: this.name, ...call }, signal ? { signal } : {});
  }

  #chatPart({ request, first }: ChoicePart, context: CallContext): Promise<Answered<ChatAnswer>> {
    const { extraBody } = this.#config;
    const { sampling } = this.#capabilities;
    // Parts without a seed are alike: their place keeps them apart.
    const content = { operation: 'chat', kind: this.kind, model: this.name, request, first, sampling, extraBody };
    const estimate = estimateTokens(request);
    const transport = this.#transport(content, estimate);
    return this.#call(context, {
      content,
      estimate,
      answerSchema: chatAnswerSchema,
      send: (replica, { signal }) =>
        this.#sendChat({ ...this.#sender, ...transport }, replica, request, context, signal),
    });
  }

  /** How a chat call goes to the server, where it is not posted. */
  #transport(content: unknown, { promptTokens, completionTokens }: TokenEstimate): Pick<Sender, 'transport'> {
    const batches = this.#batches;
    if (batches === null) return {};
    const call = { id: callKey({ content }), tokens: promptTokens + completionTokens };
    return { transport: (_, body, __, signal) => batches.post({ ...call, body }, signal) };
  }

  /** What the server takes of a request: not every seed, and not any number of stop texts. */
  #narrowed(request: ChatRequest): ChatRequest {
    const { seedBelow, maxStops } = this.#dialect;
    const seed = request.seed === null ? null : request.seed % seedBelow;
    return { ...request, seed, stop: request.stop.slice(0, this.#capabilities.stop ? maxStops : 0) };
  }

  async #sendChat(
    sender: Sender,
    replica: EndpointReplica,
    request: ChatRequest,
    { images }: CallContext,
    signal: AbortSignal,
  ): Promise<Delivered<ChatAnswer>> {
    const dialect = this.#dialect;
    const { stream = false, contextTokens = null, extraBody, batch } = this.#config;
    const settings = { capabilities: this.#capabilities, stream: stream && batch === undefined, contextTokens };
    const { chat: url } = replica.addresses;
    const encoded = reading(replica, () => dialect.encodeChat(this.#narrowed(request), settings));
    const body = withExtras({ model: replica.model, ...encoded }, extraBody);
    const { json, quota } = await sendTo(sender, { replica, url, body, images }, signal);
    const reported = dialect.readUsage(json);
    const answer = reading(
      replica,
      () => holdToRequest(dialect.decodeChat(json, request, settings), request),
      reported,
    );
    return { answer, ...reported, quota };
  }
}

/** Where the endpoint's calls go into batches; null where they do not. */
function openBatches(
  { kind, batch: config }: EndpointConfig,
  replica: EndpointReplica,
  options: ModelServiceOptions & Pick<BatchQueueOptions, 'retry' | 'timeoutMs'>,
): BatchQueue | null {
  const { batch: addresses } = replica.addresses;
  if (config === undefined || addresses === undefined) return null;
  const { ledger, retry, random, events, timeoutMs, clock = systemClock } = options;
  return createBatchQueue({
    config,
    replica,
    addresses,
    kind,
    ledger,
    timeoutMs,
    clock,
    retry: { ...retry, ...(random && { random }) },
    ...(events && { events }),
  });
}

/** The body with the configuration's fields, which win; of a field that is an object on both sides, its fields do. */
function withExtras(body: WireBody, extras: EndpointConfig['extraBody'] = {}): WireBody {
  const merged = Object.entries(extras).map(([name, extra]) => {
    const own = body[name];
    return [name, isObject(own) && isObject(extra) ? { ...own, ...extra } : extra] as const;
  });
  return { ...body, ...Object.fromEntries(merged) };
}

function isObject(value: JsonWithImages | undefined): value is Readonly<Record<string, JsonWithImages>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Opens the model behind an endpoint. Nothing is sent yet.
 * @throws ERR_CONFIG for a key that is not in the environment or a base URL with a password
 */
export function openModelService(config: EndpointConfig, options: ModelServiceOptions): PooledModelService {
  return new EndpointService(config, options);
}
