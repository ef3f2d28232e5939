import { z } from 'zod';
import type { QuotaReport } from '../../runtime/flow/index.ts';
import { ServiceError, type ServiceErrorDetail } from '../../runtime/gateway/index.ts';
import type { Dialect, ReportedUsage } from './dialects/index.ts';
import { httpFailure, refusedParameter } from './failures/http-failure.ts';
import { readQuota } from './failures/quota-headers.ts';
import { failureAt, type FailureSite } from './failures/site.ts';
import { hasImages, type ImageEncoder } from './image-url.ts';
import type { WireBody } from './model-service.ts';
import type { RefusedParameters } from './refused-parameters.ts';
import type { EndpointReplica } from './replica.ts';
import { getJson, post, type Received } from './transport.ts';

const MOST_MODELS_LISTED = 20;
const modelListSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

/** Brings a body, its images filled in, to the server and the answer back. */
export type Transport = (parcel: Parcel, body: unknown, site: FailureSite, signal: AbortSignal) => Promise<Received>;

/** What one endpoint needs to send. */
export interface Sender {
  /** Default: the body is posted. */
  readonly transport?: Transport;
  readonly dialect: Dialect;
  readonly images: ImageEncoder;
  readonly refused: RefusedParameters;
}

/** One attempt: a body for one route of one replica. */
export interface Parcel {
  readonly replica: EndpointReplica;
  readonly url: string;
  readonly body: WireBody;
  /** Bytes of the images that the body has slots for, by sha256. */
  readonly images: ReadonlyMap<string, Uint8Array>;
}

/** The JSON of an answer, the chunks of a stream put together. */
export interface Answer {
  readonly json: unknown;
  readonly quota: QuotaReport | null;
}

function siteOf({ dialect }: Sender, { replica, url, body }: Parcel): FailureSite {
  const { where, apiKeyEnv, secrets } = replica;
  return { where, kind: dialect.kind, apiKeyEnv, url, withImages: hasImages(body), secrets };
}

/** What `read` returns; an error of its own says where, and what was billed all the same. */
export function reading<T>(replica: EndpointReplica, read: () => T, reported?: ReportedUsage): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ServiceError && error.where === null ? located(error, replica, reported) : error;
  }
}

function located(error: ServiceError, replica: EndpointReplica, reported?: ReportedUsage): ServiceError {
  const { fix, status, retryAfterMs, cause } = error;
  const detail: ServiceErrorDetail = {
    where: replica.where,
    cause,
    ...(fix === null ? {} : { fix }),
    ...(status === null ? {} : { status }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
    ...(reported && { usage: reported.usage }),
  };
  return new ServiceError(error.code, error.message, detail);
}

/** Names the models that the server has: the one thing that helps against a wrong name. */
async function withModelNames(
  error: ServiceError,
  { replica }: Parcel,
  site: FailureSite,
  signal: AbortSignal,
): Promise<ServiceError> {
  const { models } = replica.addresses;
  if (error.code !== 'ERR_MODEL_UNKNOWN') return error;
  const listed = models === null ? null : modelListSchema.safeParse(await getJson(replica, models, signal)).data;
  const names = listed?.data.map(({ id }) => id).slice(0, MOST_MODELS_LISTED) ?? [];
  const fix =
    models === null
      ? 'set `model` to the name of a deployment'
      : `set \`model\` to one of: ${names.length > 0 ? names.join(', ') : '(the server lists none)'}`;
  return failureAt(site, error.code, error.message, {
    fix,
    ...(error.status === null ? {} : { status: error.status }),
  });
}

const postParcel: Transport = ({ replica }, body, site, signal) => post(replica, body, site, signal);

/**
 * Sends once, and again without a parameter that the model refuses and the answer can do without.
 * @throws ServiceError; what the signal was aborted with; ERR_IMAGE_DECODE
 */
export async function sendTo(sender: Sender, parcel: Parcel, signal: AbortSignal): Promise<Answer> {
  const { dialect, images, refused, transport = postParcel } = sender;
  const site = siteOf(sender, parcel);
  for (;;) {
    const sent = refused.apply(parcel.body);
    const received = await transport(parcel, images.fill(sent, parcel.images), site, signal);
    if (received.ok) {
      const { chunks } = received;
      const json = chunks ? reading(parcel.replica, () => dialect.assemble(chunks)) : received.json;
      return { json, quota: readQuota(received.headers, dialect.quotaPerMinute) };
    }
    const culprit = refusedParameter(received.failed);
    if (culprit !== null && refused.learn(culprit, sent)) continue;
    throw await withModelNames(httpFailure(received.failed, site, Date.now()), parcel, site, signal);
  }
}
