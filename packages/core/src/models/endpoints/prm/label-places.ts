import { ServiceError } from '../../../runtime/gateway/service-error.ts';
import type { CallContext, ModelService, WireBody } from '../model-service.ts';
import { tokenize } from './server-calls.ts';

/** Where the labels of a whole conversation stand among its tokens, and which tokens they are. */
export interface LabelPlaces {
  /** Ids of the conversation's text, every label the positive one. Images may add tokens before the first label. */
  readonly ids: readonly number[];
  /** [steps] places in `ids`. */
  readonly places: readonly number[];
  readonly positiveId: number;
  readonly negativeId: number;
}

/**
 * Finds the labels by structure: the same conversation with all labels positive and with all labels negative differs in
 * the tokens of the labels and nowhere else, whatever signs the steps hold.
 * `body` gives the body of the server's `/tokenize` for a conversation with this label.
 * @throws ServiceError ERR_CAPABILITY_MISSING when the labels are not one token each
 */
export async function findLabels(
  service: ModelService,
  body: (label: 'positive' | 'negative') => WireBody,
  steps: number,
  context: CallContext,
): Promise<LabelPlaces> {
  const [ids, others] = await Promise.all(
    (['positive', 'negative'] as const).map((label) => tokenize(service, body(label), context)),
  );
  const places = [...ids!.keys()].filter((place) => ids![place] !== others![place]);
  const [positiveId, ...positives] = new Set(places.map((place) => ids![place]!));
  const [negativeId, ...negatives] = new Set(places.map((place) => others![place]!));
  const single = positives.length === 0 && negatives.length === 0 && ids!.length === others!.length;
  if (!single || places.length !== steps || positiveId === undefined || negativeId === undefined) {
    throw new ServiceError(
      'ERR_CAPABILITY_MISSING',
      `the labels are not one token each: ${places.length} tokens tell ${steps} labels apart`,
      {
        where: service.name,
        fix: 'set prm.labels to single tokens of the model, or prm.reading to chat-token',
      },
    );
  }
  return { ids: ids!, places, positiveId, negativeId };
}

/** The prompt that a server read is not the one that it tokenized. */
export function promptAstray(place: number): ServiceError {
  return new ServiceError('ERR_CAPABILITY_MISSING', `token ${place} of the prompt is not the one that /tokenize gave`, {
    fix: 'this server reads prompts otherwise than it tokenizes them: set prm.reading to chat-token',
  });
}
