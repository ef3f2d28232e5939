// Starts worker.ts when the package runs from source. Node 20 does not apply `--import tsx` to the entry of a thread.
import { tsImport } from 'tsx/esm/api';

await tsImport('./worker.ts', import.meta.url);
