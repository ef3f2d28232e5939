import { REJECT_SCHEMA, type Reject } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';

/** The rows of an import that cannot be used, each with its place and reason. */
export class SetAside {
  readonly rejects: Reject[] = [];

  /**
   * Uses a row. When that throws an error of ours, the row is set aside; other errors pass.
   * @param where file with its line
   * @param problemId of the row, null when it names none
   */
  async using(
    stage: Reject['stage'],
    where: string,
    problemId: string | null,
    use: () => void | Promise<void>,
  ): Promise<void> {
    try {
      await use();
    } catch (error) {
      if (!VlprmError.is(error)) throw error;
      const { code, message: reason, where: field } = error;
      const place = field === null ? where : field.startsWith(where) ? field : `${where}: ${field}`;
      this.rejects.push({ schema: REJECT_SCHEMA, stage, problemId, sample: null, code, reason, where: place });
    }
  }
}
