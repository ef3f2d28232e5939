// `npm start`: sets up, then runs the whole pipeline from source. Flags after `--` go to `vlprm quickstart`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setUpOrExit, workspaceRoot } from './setup.mjs';

setUpOrExit();

const bin = join(workspaceRoot, 'apps', 'cli', 'bin', 'vlprm.mjs');
const child = spawn(process.execPath, [bin, 'quickstart', ...process.argv.slice(2)], {
  cwd: workspaceRoot,
  stdio: 'inherit',
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 70) : 128 + constants.signals[signal];
});
