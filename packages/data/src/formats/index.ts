export { readProcessBench, readVisualProcessBench } from './benchmarks.ts';
export { jsonLine, readTracesJsonl } from './jsonl.ts';
export { jsonlToParquet, readParquetRows } from './parquet.ts';
export { readTracesParquet, TRACE_COLUMNS_SQL, traceToRow } from './traces-parquet.ts';
