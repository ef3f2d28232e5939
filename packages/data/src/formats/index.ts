export { readProcessBench, readVisualProcessBench } from './benchmarks.ts';
export type { ImportedDataset } from './imported-dataset.ts';
export { jsonLine, readTracesJsonl } from './jsonl.ts';
export { jsonlToParquet, readParquetRows } from './parquet.ts';
export { readTracesParquet, TRACE_COLUMNS_SQL, traceToRow } from './traces-parquet.ts';
export { readVlprmReference } from './vlprm-reference.ts';
