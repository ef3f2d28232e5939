import type { ImageRef, StepLabel } from '@vlprm/core/records';
import { sha256, VlprmError } from '@vlprm/core/runtime';
import type { RolloutRow } from './rows.ts';
import { readSolution, type ReferenceSolution } from './solutions.ts';

/** A solution with what the judge's files say about it. */
export interface Rollout {
  readonly uid: string;
  readonly line: number;
  readonly answer: string;
  readonly response: string;
  /** Name of the picture there; the uid where the row has none. */
  readonly imageName: string;
  readonly solution: ReferenceSolution;
  /** Pictures of the requests that show this solution. */
  readonly pictures: ImageRef[];
  /** [reviews] Model and its verdicts, one a step. */
  readonly reviews: { readonly model: string; readonly verdicts: readonly StepLabel[] }[];
}

const invalid = (what: string): VlprmError => new VlprmError('ERR_DATASET_INVALID', what);

/** Solutions by what they say: the judge's requests name them by their text alone. */
export class Rollouts {
  readonly all: Rollout[] = [];
  readonly #byResponse = new Map<string, Rollout[]>();
  readonly #byImage = new Map<string, Rollout[]>();

  /**
   * Takes in a row.
   * @param questions questions by uid, for prompts that mark none
   * @throws ERR_DATASET_INVALID when an earlier row of its problem says the same; else as {@link readSolution}
   */
  add(row: RolloutRow, line: number, questions: ReadonlyMap<string, string>): void {
    const { uid, answer, response } = row;
    const imageName = row.image ?? uid;
    const key = sha256(response);
    const same = this.#byResponse.get(key)?.find((other) => other.uid === uid);
    if (same !== undefined) throw invalid(`the same response to the same problem as in line ${same.line}`);
    const solution = readSolution(row, questions);
    const rollout = { uid, line, answer, response, imageName, solution, pictures: [], reviews: [] };
    this.all.push(rollout);
    this.#byResponse.set(key, [...(this.#byResponse.get(key) ?? []), rollout]);
    this.#byImage.set(imageName, [...(this.#byImage.get(imageName) ?? []), rollout]);
  }

  /**
   * The one solution that a request is about.
   * @param solutions readings of the request's solution
   * @param question the request's question, which tells equal solutions of different problems apart; null when unknown
   * @throws ERR_DATASET_INVALID when there is none, or several
   */
  find(solutions: readonly string[], question: string | null): Rollout {
    const saying = solutions.map((solution) => this.#byResponse.get(sha256(solution))).find(Boolean) ?? [];
    const matches = saying.length > 1 ? saying.filter((one) => one.solution.question === question) : saying;
    const [match, ...others] = matches;
    if (match !== undefined && others.length === 0) return match;
    if (saying.length === 0) throw invalid('its solution is the response of no rollout that was read');
    throw invalid(
      `its solution is the response of several rollouts (lines ${saying.map(({ line }) => line).join(', ')})`,
    );
  }

  /** The picture of a solution: that of its own requests, else that of solutions that name the same; null when unknown or not the same in all. */
  pictureOf(rollout: Rollout): ImageRef | null {
    const siblings = this.#byImage.get(rollout.imageName) ?? [];
    return onlyPicture(rollout.pictures) ?? onlyPicture(siblings.flatMap(({ pictures }) => pictures));
  }
}

function onlyPicture([first, ...others]: readonly ImageRef[]): ImageRef | null {
  return first !== undefined && others.every(({ sha256: hash }) => hash === first.sha256) ? first : null;
}
