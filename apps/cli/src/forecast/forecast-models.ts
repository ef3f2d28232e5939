import type { Platform } from '@vlprm/api/platform';
import {
  endpointThroughput,
  imageTokenRule,
  type EndpointConfig,
  type EndpointThroughput,
  type ImageTokenRule,
} from '@vlprm/core/models/endpoints';
import { priceOf, type Price } from '@vlprm/core/runtime';

/** A model behind an endpoint, as far as a forecast needs to know it. */
export interface ForecastEndpoint {
  readonly config: EndpointConfig;
  readonly throughput: EndpointThroughput;
  readonly images: ImageTokenRule;
  /** Null where the table has none: what it costs is then unknown. */
  readonly price: Price | null;
}

export interface ForecastModel {
  /** As the configuration names it. */
  readonly name: string;
  /** Null for a model in this process: it costs nothing and has no limits. */
  readonly endpoint: ForecastEndpoint | null;
}

export interface ForecastModels {
  readonly policy: ForecastModel;
  readonly judges: readonly ForecastModel[];
}

/** What the configuration and earlier probes say of policy and judges. Opens no model and asks nobody. */
export async function forecastModels({ config, endpoints }: Platform): Promise<ForecastModels> {
  const modelOf = async (name: string): Promise<ForecastModel> => {
    const own = Object.hasOwn(config.endpoints, name) ? config.endpoints[name]! : null;
    if (own === null) return { name, endpoint: null };
    const known = await endpoints.known(name);
    const endpoint = {
      config: own,
      throughput: endpointThroughput(own, known?.capabilities),
      images: imageTokenRule(own.model),
      price: priceOf(own.model, config.prices),
    };
    return { name, endpoint };
  };
  return { policy: await modelOf(config.policy), judges: await Promise.all(config.judge.map(modelOf)) };
}
