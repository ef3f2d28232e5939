import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { VlprmError } from '@vlprm/core/runtime';

/** One thread keeps the bytes of a file the same from run to run. */
const SETTINGS = { threads: '1', memory_limit: '1GB' };

/** Largest single row that is read, in bytes. */
const MAX_ROW_BYTES = 256 * 2 ** 20;

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path to read, with DuckDB's glob characters taken literally. */
function literalPath(path: string): string {
  return quoted(path.replace(/[*?[]/g, '[$&]'));
}

async function connect(): Promise<{ connection: DuckDBConnection; close: () => void }> {
  const instance = await DuckDBInstance.create(':memory:', SETTINGS);
  const connection = await instance.connect();
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/**
 * Writes a Parquet file (zstd) from a JSONL file, rows nested, in order. The same input gives the same bytes.
 * @param columns column names and DuckDB types as `read_json` takes them
 */
export async function jsonlToParquet(jsonlPath: string, parquetPath: string, columns: string): Promise<void> {
  const { connection, close } = await connect();
  const rows = `read_json(${literalPath(jsonlPath)}, format = 'newline_delimited', columns = ${columns}, maximum_object_size = ${MAX_ROW_BYTES})`;
  try {
    await connection.run(
      `COPY (SELECT * FROM ${rows}) TO ${quoted(parquetPath)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
    );
  } finally {
    close();
  }
}

/**
 * Rows of a Parquet file in order, each as an object with the column names as keys and nested values as JSON has them.
 * @throws ERR_FILE_MALFORMED for a file that is no readable Parquet
 */
export async function* readParquetRows(parquetPath: string): AsyncGenerator<Record<string, unknown>> {
  const { connection, close } = await connect();
  try {
    const result = await connection.stream(
      `SELECT to_json(vlprm_row)::VARCHAR FROM read_parquet(${literalPath(parquetPath)}) vlprm_row`,
    );
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      for (const row of chunk.getColumnValues(0)) yield JSON.parse(String(row)) as Record<string, unknown>;
    }
  } catch (cause) {
    throw new VlprmError('ERR_FILE_MALFORMED', 'the file cannot be read as Parquet', {
      where: parquetPath,
      fix: 'write the dataset again from its run',
      cause,
    });
  } finally {
    close();
  }
}
