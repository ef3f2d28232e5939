import { parseVerification, UNREADABLE_REASONS } from '@vlprm/core/text';
import { VlprmError } from '@vlprm/core/runtime';
import { contentOf, solutionsIn, type RequestImages } from './requests.ts';
import type { Rollout, Rollouts } from './rollouts.ts';
import type { RequestRow, ResultRow } from './rows.ts';
import { questionIn } from './solutions.ts';

interface AskedReview {
  readonly rollout: Rollout;
  readonly model: string;
  answered: boolean;
}

const invalid = (what: string): VlprmError => new VlprmError('ERR_DATASET_INVALID', what);

/** Joins the judge's requests to solutions, and its results to the requests. */
export class ReviewJoin {
  /** By `custom_id`; null where two requests for different solutions have the same. */
  readonly #asked = new Map<string, AskedReview | null>();
  readonly #rollouts: Rollouts;
  readonly #images: RequestImages;

  constructor(rollouts: Rollouts, images: RequestImages) {
    this.#rollouts = rollouts;
    this.#images = images;
  }

  /**
   * Takes in a request: its picture becomes that of the solution. A judge that was shown no picture is not asked about one;
   * one that was shown a picture that can no longer be read is.
   * @throws ERR_DATASET_INVALID when it cannot be joined, or its id is taken; ERR_IMAGE_DECODE
   */
  async ask(row: RequestRow): Promise<void> {
    const { text, imageUrl } = contentOf(row);
    const rollout = this.#rollouts.find(solutionsIn(text), questionIn(text));
    const earlier = this.#asked.get(row.custom_id);
    if (earlier !== undefined) {
      if (earlier?.rollout !== rollout) this.#asked.set(row.custom_id, null);
      throw invalid(`an earlier request has the same custom_id ${row.custom_id}`);
    }
    this.#asked.set(row.custom_id, { rollout, model: row.body.model, answered: false });
    rollout.pictures.push(await this.#images.add(imageUrl, rollout.imageName));
  }

  /** Takes in a result. @throws ERR_DATASET_INVALID when it cannot be joined; ERR_ANSWER_MALFORMED when it is no verdict */
  answer({ custom_id: id, verification_response: response }: ResultRow): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) throw invalid(`no request that was read has the custom_id ${id}`);
    if (asked === null) throw invalid(`requests for different solutions have the custom_id ${id}`);
    if (asked.answered) throw invalid(`an earlier result has the same custom_id ${id}`);
    if (response === null) throw new VlprmError('ERR_ANSWER_MALFORMED', `the judge did not answer request ${id}`);
    const reading = parseVerification(response, asked.rollout.solution.steps);
    if (!reading.ok) {
      const why = UNREADABLE_REASONS[reading.reason];
      throw new VlprmError('ERR_ANSWER_MALFORMED', `the judge's answer to request ${id} is no verdict: ${why}`);
    }
    asked.answered = true;
    asked.rollout.reviews.push({ model: asked.model, verdicts: reading.verification.verdicts });
  }
}
