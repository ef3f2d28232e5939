import { VlprmError, type ErrorCode } from '../../../runtime/errors.ts';
import type { Answered } from '../../../runtime/gateway/gateway.ts';
import type { EndpointCapabilities } from '../capabilities.ts';
import type { ChatAnswer } from '../chat.ts';
import { dialectOf } from '../dialects/index.ts';
import type { EndpointConfig } from '../endpoint-config.ts';
import type { ModelService } from '../model-service.ts';
import {
  CAPABILITY_SCHEMA,
  type CapabilityFinding,
  type CapabilityName,
  type CapabilityRecord,
} from './capability-record.ts';
import { isProbeAnswer, PROBE_CHOICES, PROBE_LABEL_IDS, ProbeCalls } from './probe-calls.ts';

/** Asked for in turn until one is granted; OpenAI allows 20, vLLM what `--max-logprobs` says. */
const TOP_LOGPROBS = [20, 5, 1];
/** By which the counts of the same words may differ. */
const MERGED_TOKENS = 2;
/** More than most problems show; a server that takes so many counts as unbounded. */
const MANY_PICTURES = 8;

/** What a server that cannot do something answers with: it says so, ignores it, or falls over. */
const INABILITY: ReadonlySet<ErrorCode> = new Set([
  'ERR_CAPABILITY_MISSING',
  'ERR_REQUEST_REFUSED',
  'ERR_IMAGE_REFUSED',
  'ERR_CONTEXT_OVERFLOW',
  'ERR_ANSWER_MALFORMED',
  'ERR_SERVER_FAILED',
]);

/** Everything is allowed, so that what the server cannot do is said by the server. */
const EVERYTHING: EndpointCapabilities = {
  prefill: true,
  topLogprobs: Math.max(...TOP_LOGPROBS),
  labelLogprobs: true,
  images: true,
  maxImages: null,
  n: true,
  structuredOutput: true,
  jsonSchema: true,
  prefixCaching: true,
  stop: true,
  stopReason: true,
  sampling: true,
};

type Found<Name extends CapabilityName = CapabilityName> = {
  readonly [Each in Name]: { readonly name: Each; readonly value: EndpointCapabilities[Each]; readonly detail: string };
}[Name];

function found<Name extends CapabilityName>(name: Name, value: EndpointCapabilities[Name], detail: string): Found {
  return { name, value, detail } as Found;
}

/** The answer, or the error that says that the server cannot do it. Other errors end the probe. */
async function attempt(call: Promise<Answered<ChatAnswer>>): Promise<Answered<ChatAnswer> | VlprmError> {
  try {
    return await call;
  } catch (error) {
    if (VlprmError.is(error) && INABILITY.has(error.code)) return error;
    throw error;
  }
}

const isRefusal = (result: Answered<ChatAnswer> | VlprmError): result is VlprmError => VlprmError.is(result);

/**
 * The same words in the question and as the beginning of its answer: continued, they are as many tokens, give or take how
 * they merge with their neighbours. A finished message has its end and the header of the next one besides.
 */
async function probePrefill(calls: ProbeCalls): Promise<Found | null> {
  const [begun, asked] = await Promise.all([attempt(calls.begun()), attempt(calls.asked())]);
  if (isRefusal(begun)) return found('prefill', false, begun.message);
  if (isRefusal(asked)) return null;
  const [answer, question] = [begun.usage.promptTokens, asked.usage.promptTokens];
  if (answer === null || question === null) return null;
  const detail = `a prompt of ${answer} tokens with words of the answer, of ${question} with the same in the question`;
  return found('prefill', answer <= question + MERGED_TOKENS, detail);
}

async function probeLogprobs(calls: ProbeCalls): Promise<Found> {
  let refusal = '';
  for (const top of TOP_LOGPROBS) {
    const result = await attempt(calls.logprobs(top));
    if (isRefusal(result)) refusal = result.message;
    else if (result.answer.choices.some(({ logprobs }) => logprobs !== null)) {
      return found('topLogprobs', top, `${top} most likely tokens were reported`);
    }
  }
  return found('topLogprobs', 0, refusal === '' ? 'none came' : refusal);
}

async function probeLabelLogprobs(calls: ProbeCalls): Promise<Found> {
  const result = await attempt(calls.labelLogprobs());
  if (isRefusal(result)) return found('labelLogprobs', false, result.message);
  const ids = new Set(
    result.answer.choices.flatMap(({ logprobs }) => logprobs?.[0]?.top ?? []).map(({ id, token }) => id ?? token),
  );
  const all = PROBE_LABEL_IDS.every((id) => ids.has(id) || ids.has(`token_id:${id}`));
  return found('labelLogprobs', all, all ? 'tokens were reported by id' : 'the ids were passed over');
}

/** A picture that adds no tokens was not looked at. */
async function probeImages(calls: ProbeCalls, plain: Answered<ChatAnswer>): Promise<Found[]> {
  const one = await attempt(calls.pictures(1));
  if (isRefusal(one)) return [found('images', false, one.message)];
  const [seen, blind] = [one.usage.promptTokens, plain.usage.promptTokens];
  if (seen !== null && blind !== null && seen <= blind) return [found('images', false, 'a picture added no tokens')];
  const images = found(
    'images',
    true,
    seen === null ? 'a picture was taken' : `a prompt of ${seen} tokens with a picture`,
  );
  const many = await attempt(calls.pictures(MANY_PICTURES));
  if (!isRefusal(many)) return [images, found('maxImages', null, `${MANY_PICTURES} pictures were taken`)];
  if (many.code === 'ERR_CONTEXT_OVERFLOW') return [images, found('maxImages', null, 'as many as the context holds')];
  const named = /(?:at most|maximum(?: of)?|up to|limit(?: of)?)\D{0,20}(\d+)/i.exec(many.message)?.[1];
  return [images, found('maxImages', named === undefined ? 1 : Number(named), many.message)];
}

async function probeChoices(calls: ProbeCalls): Promise<Found> {
  const result = await attempt(calls.choices());
  if (isRefusal(result)) return found('structuredOutput', false, result.message);
  const held = result.answer.choices.every((choice) =>
    (PROBE_CHOICES as readonly string[]).includes(choice.text.trim()),
  );
  return found(
    'structuredOutput',
    held,
    held ? 'the answer was one of the given texts' : 'the given texts were passed over',
  );
}

/** A reasoning model may be cut off before its answer begins: then nothing is told. */
async function probeSchema(calls: ProbeCalls): Promise<Found | null> {
  const result = await attempt(calls.schema());
  if (isRefusal(result)) return found('jsonSchema', false, result.message);
  const { choices } = result.answer;
  if (choices.every(({ text, finish }) => text.trim() === '' && finish === 'length')) return null;
  const held = choices.every(isProbeAnswer);
  return found(
    'jsonSchema',
    held,
    held ? 'the answer was JSON of the given schema' : 'the given schema was passed over',
  );
}

async function probeSeveral(calls: ProbeCalls): Promise<Found> {
  const result = await attempt(calls.several());
  if (isRefusal(result)) return found('n', false, result.message);
  const { calls: needed } = result.usage;
  return found('n', needed === 1, needed === 1 ? 'two completions came of one call' : 'each completion is a call');
}

async function probeStop(calls: ProbeCalls): Promise<Found> {
  const result = await attempt(calls.stopped());
  return isRefusal(result) ? found('stop', false, result.message) : found('stop', true, 'a stop text was taken');
}

/** Reasoning models refuse the parameters; the service then goes on without them and knows it. */
async function probeSampling(calls: ProbeCalls, service: Pick<ModelService, 'capabilities'>): Promise<Found> {
  const result = await attempt(calls.sampled());
  if (isRefusal(result)) return found('sampling', false, result.message);
  const { sampling } = service.capabilities;
  return found('sampling', sampling, sampling ? 'temperature, top_p and seed were taken' : 'temperature was refused');
}

function readPlain(plain: Answered<ChatAnswer>): Found[] {
  const tells = plain.answer.choices.some(({ stoppedBy }) => stoppedBy !== undefined);
  const cached = plain.cachedPromptTokens !== undefined;
  return [
    found('stopReason', tells, tells ? 'the answer tells what ended it' : 'the answer does not tell what ended it'),
    found('prefixCaching', cached, cached ? 'cached tokens are reported' : 'no cached tokens are reported'),
  ];
}

/** What the configuration says of some capabilities. */
type Configured = { readonly [Name in CapabilityName]?: EndpointCapabilities[Name] | undefined };

/** Runs a probe only where the configuration leaves room for it. */
function wanted<T>(configured: Configured, name: CapabilityName, probe: () => Promise<T>): Promise<T | null> {
  return configured[name] === undefined ? probe() : Promise.resolve(null);
}

export interface ProbeOptions {
  /** Opens the endpoint as if it could do this. What its ledger holds of an earlier probe is not asked again. */
  readonly open: (config: EndpointConfig, capabilities: EndpointCapabilities) => ModelService;
  readonly serverVersion?: () => Promise<string | null>;
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

/**
 * Finds out what the model behind an endpoint can do, by about a dozen calls of a few tokens each: what it can do is told
 * by whether it is refused, by the number of tokens in the prompt, and by the form of the answer, never by what it says.
 * What the configuration says is not probed; what cannot be told is assumed by the kind of the server.
 * @throws ServiceError when the endpoint cannot be used at all (unreachable, key, model, dialect), ERR_BUDGET, ERR_ABORTED
 */
export async function probeEndpoint(config: EndpointConfig, options: ProbeOptions): Promise<CapabilityRecord> {
  const { open, serverVersion = async () => null, signal, now = () => new Date() } = options;
  const configured = config.capabilities ?? {};
  const service = open({ ...config, maxAttempts: 2 }, EVERYTHING);
  try {
    const calls = new ProbeCalls(service, signal);
    const start = performance.now();
    const plain = await calls.plain();
    const latencyMs = performance.now() - start;
    const results = await Promise.all([
      wanted(configured, 'prefill', () => probePrefill(calls)),
      wanted(configured, 'topLogprobs', () => probeLogprobs(calls)),
      wanted(configured, 'labelLogprobs', () => probeLabelLogprobs(calls)),
      wanted(configured, 'images', () => probeImages(calls, plain)),
      wanted(configured, 'structuredOutput', () => probeChoices(calls)),
      wanted(configured, 'jsonSchema', () => probeSchema(calls)),
      wanted(configured, 'n', () => probeSeveral(calls)),
      wanted(configured, 'stop', () => probeStop(calls)),
      wanted(configured, 'sampling', () => probeSampling(calls, service)),
    ]);
    const probed = [...readPlain(plain), ...results.flat().filter((result) => result !== null)];
    return {
      schema: CAPABILITY_SCHEMA,
      kind: config.kind,
      baseUrl: config.baseUrl,
      model: config.model,
      probedAt: now().toISOString(),
      serverVersion: await serverVersion(),
      ...combine(dialectOf(config.kind).assumed, probed, configured),
      calls: calls.made,
      latencyMs,
    };
  } finally {
    await service.close();
  }
}

/** What is known of each capability and from where: configured before probed before assumed. */
function combine(
  assumed: EndpointCapabilities,
  probed: readonly Found[],
  configured: Configured,
): Pick<CapabilityRecord, 'capabilities' | 'findings'> {
  const byName = new Map(probed.map((each) => [each.name, each]));
  const known = [...probed.map(({ name, value }) => [name, value]), ...Object.entries(configured)];
  const values = Object.fromEntries(known.filter(([, value]) => value !== undefined)) as Partial<EndpointCapabilities>;
  const findings = (Object.keys(assumed) as CapabilityName[]).map((capability): CapabilityFinding => {
    if (configured[capability] !== undefined)
      return { capability, by: 'configured', detail: 'as the configuration says' };
    const own = byName.get(capability);
    if (own !== undefined) return { capability, by: 'probed', detail: own.detail };
    return { capability, by: 'assumed', detail: 'the server does not tell' };
  });
  return { capabilities: { ...assumed, ...values }, findings };
}
