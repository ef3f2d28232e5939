import type { Trace } from '@vlprm/core/records';
import { parseTrace, VlprmError } from '@vlprm/core/runtime';
import { readParquetRows } from './parquet.ts';

/**
 * DuckDB types of the columns of a trace row, in the order of the record. `provenance` may carry fields of its own;
 * those travel as JSON in `provenance.extra`.
 */
const TRACE_COLUMNS = {
  schema: 'VARCHAR',
  id: 'VARCHAR',
  problemId: 'VARCHAR',
  groupId: 'VARCHAR',
  images: 'STRUCT(sha256 VARCHAR, mime VARCHAR, width INTEGER, height INTEGER, path VARCHAR)[]',
  question: 'VARCHAR',
  answer: 'VARCHAR',
  steps:
    'STRUCT("index" INTEGER, kind VARCHAR, "text" VARCHAR, ' +
    'mc STRUCT(correct INTEGER, incorrect INTEGER, unparsable INTEGER, failed INTEGER, budget INTEGER), ' +
    'judge STRUCT(verdict TINYINT, "by" VARCHAR)[], label TINYINT, soft DOUBLE, origin VARCHAR)[]',
  finalAnswer: 'VARCHAR',
  outcome: 'VARCHAR',
  firstError: 'INTEGER',
  consensus: 'STRUCT(rule VARCHAR, semantics VARCHAR, kept BOOLEAN, reason VARCHAR, confidence DOUBLE)',
  provenance: 'STRUCT(source VARCHAR, policy VARCHAR, judges VARCHAR[], seed BIGINT, usd DOUBLE, extra VARCHAR)',
} as const satisfies Record<keyof Trace, string>;

/** The columns as DuckDB's `read_json` takes them. */
export const TRACE_COLUMNS_SQL = `{${Object.entries(TRACE_COLUMNS)
  .map(([name, type]) => `"${name}": '${type}'`)
  .join(', ')}}`;

/** A trace as one JSON object with these columns. */
export function traceToRow(trace: Trace): Record<string, unknown> & { readonly id: string } {
  const { source, policy, judges, seed, usd, ...rest } = trace.provenance;
  const extra = Object.keys(rest).length === 0 ? null : JSON.stringify(rest);
  return { ...trace, provenance: { source, policy, judges, seed, usd, extra } };
}

/** Undoes `traceToRow`; the result is still to be parsed as a trace. */
function rowToTrace(row: Record<string, unknown>): unknown {
  const { extra, ...known } = (row['provenance'] ?? {}) as Record<string, unknown>;
  const rest = typeof extra === 'string' ? (JSON.parse(extra) as object) : {};
  const { confidence, ...consensus } = (row['consensus'] ?? {}) as Record<string, unknown>;
  return {
    ...row,
    consensus: row['consensus'] === null ? null : { ...consensus, ...(confidence != null && { confidence }) },
    provenance: { ...known, ...rest },
  };
}

/**
 * Traces of a canonical Parquet file, in order. An error names `file:row` (1-based) and the field.
 * @throws ERR_FILE_MALFORMED, ERR_SCHEMA_VERSION, ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED
 */
export async function* readTracesParquet(path: string): AsyncGenerator<Trace> {
  let number = 0;
  for await (const row of readParquetRows(path)) {
    number += 1;
    const where = `${path}:${number}`;
    let value: unknown;
    try {
      value = rowToTrace(row);
    } catch (cause) {
      throw new VlprmError('ERR_TRACE_MALFORMED', 'the extra provenance is no JSON', {
        where,
        fix: 'write the dataset again',
        cause,
      });
    }
    yield parseTrace(value, where);
  }
}
