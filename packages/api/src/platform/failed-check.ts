import { VlprmError } from '@vlprm/core/runtime';
import type { DoctorCheck } from '../contract/doctor.ts';

/** A failed check that says what the error says. */
export function failedCheck(name: string, error: unknown): DoctorCheck {
  if (VlprmError.is(error)) {
    const detail = error.where === null ? error.message : `${error.message}, ${error.where}`;
    return { name, status: 'failed', detail: `${error.code}: ${detail}`, fix: error.fix };
  }
  return { name, status: 'failed', detail: error instanceof Error ? error.message : String(error), fix: null };
}
