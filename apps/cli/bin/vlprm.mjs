#!/usr/bin/env node
// Runs the command line in a child process: from source where this is a checkout, from dist where it is an installed package.
// Exit code, stdin, stdout and stderr are the child's own.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/main.js', import.meta.url);
const fromSource = existsSync(source);
const nodeFlags = fromSource ? ['--conditions=@vlprm/source', '--import', import.meta.resolve('tsx')] : [];
const entry = fileURLToPath(fromSource ? source : built);

const child = spawn(process.execPath, [...nodeFlags, entry, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`error[CLI_NOT_STARTED]: ${error.message}`);
  process.exitCode = 70;
});
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 70) : 128 + (constants.signals[signal] ?? 0);
});
