export { datasetHash, openDataset, readTraces, type Dataset } from './dataset-reader.ts';
export { writeDataset, type DatasetRequest, type ImageSource } from './dataset-writer.ts';
export { openSqliteLedger } from './ledger.ts';
export { describeMachine, gitRevision } from './machine.ts';
export { type DatasetFormat } from './shard-writer.ts';
export { createRunFolder, runPaths, type RunFolderOptions, type RunPaths } from './run-folder.ts';
