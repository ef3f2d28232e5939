import { ServiceError, type ServiceErrorCode, type ServiceErrorDetail } from '../../../runtime/gateway/index.ts';
import type { EndpointKind } from '../endpoint-config.ts';

/** What an error says of the call that failed. */
export interface FailureSite {
  /** Name of the endpoint and its base URL. */
  readonly where: string;
  readonly kind: EndpointKind;
  /** Name of the variable that holds the key; null when the endpoint has none. */
  readonly apiKeyEnv: string | null;
  /** Address that was called. */
  readonly url: string;
  /** Did the request have images? */
  readonly withImages: boolean;
  /** Never to be shown. */
  readonly secrets: readonly string[];
}

/** An error of this site. */
export function failureAt(
  site: FailureSite,
  code: ServiceErrorCode,
  what: string,
  detail: Omit<ServiceErrorDetail, 'where'>,
): ServiceError {
  return new ServiceError(code, what, { ...detail, where: site.where });
}
