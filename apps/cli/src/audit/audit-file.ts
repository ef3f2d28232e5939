import { auditSchema, type Audit } from '@vlprm/core/records';
import { readJsonl, VlprmError, writeFileAtomic } from '@vlprm/core/runtime';

/**
 * Audits of a `vlprm.audit/1` file, filled in or not.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION; ERR_AUDIT_INVALID for a row of another form
 */
export async function readAudits(path: string): Promise<Audit[]> {
  const audits: Audit[] = [];
  for await (const { value } of readJsonl(path, auditSchema, 'ERR_AUDIT_INVALID')) audits.push(value);
  return audits;
}

/** Writes audits as JSON lines, whole or not at all. */
export function writeAudits(path: string, audits: readonly Audit[]): Promise<void> {
  return writeFileAtomic(
    path,
    audits.map((audit) => `${JSON.stringify(audit)}\n`),
  );
}

/**
 * The picks with the findings that the file already holds: an audit that somebody has begun goes on.
 * @throws ERR_RUN_MISMATCH when it holds a finding about a trace that was not picked now; as {@link readAudits}
 */
export async function withKnownFindings(path: string, picks: readonly Audit[]): Promise<Audit[]> {
  const known = await readAudits(path).catch((error: unknown) => {
    if (VlprmError.is(error) && error.code === 'ERR_FILE_MISSING') return [];
    throw error;
  });
  const findings = new Map(known.flatMap(({ traceId, finding }) => (finding === null ? [] : [[traceId, finding]])));
  const picked = new Set(picks.map(({ traceId }) => traceId));
  const stray = [...findings.keys()].find((id) => !picked.has(id));
  if (stray !== undefined) {
    throw new VlprmError('ERR_RUN_MISMATCH', `it holds a finding about the trace ${stray}, which is not picked now`, {
      where: path,
      fix: 'give the --n and --seed of that audit, or another --out',
    });
  }
  return picks.map((pick) => ({ ...pick, finding: findings.get(pick.traceId) ?? pick.finding }));
}
