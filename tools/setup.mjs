// Makes a fresh clone ready: dependencies, then the native build where there is a toolchain.
// Uses nothing but Node, so that it runs before anything is installed. `npm start`, `npm test` and `npm run check` call it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const workspaceRoot = dirname(dirname(fileURLToPath(import.meta.url)));

const nativeFolder = join(workspaceRoot, 'packages', 'native-cuda');
const nativeBuildScript = join(nativeFolder, 'scripts', 'build-native.mjs');
const nativeStatusFile = join(nativeFolder, 'prebuilds', 'local', 'status.json');

/**
 * @typedef {{ what: string, reason: string }} Skip something that was left out, and why
 * @typedef {{ skipped: Skip[], seconds: number }} SetupResult
 * @typedef {{ version?: string, link?: boolean, optional?: boolean, devOptional?: boolean, extraneous?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile
 */

/** An expected failure: its message is all that the reader needs. */
export class SetupError extends Error {}

const OLDEST_NODE = [20, 19];

/**
 * @param {string} version as in process.versions.node
 * @returns {boolean} whether this Node is older than the oldest that package.json allows
 */
export function isTooOld(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** @param {string} file @returns {any} */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Packages whose installed version is not the locked one. Optional packages (binaries of other platforms) and extraneous ones do not count: npm ci leaves them out.
 *
 * @param {Lockfile} wanted package-lock.json
 * @param {Lockfile} installed node_modules/.package-lock.json
 * @returns {string[]} paths of the packages that are missing or of another version
 */
export function stalePackages(wanted, installed) {
  return Object.entries(wanted.packages ?? {})
    .filter(([path]) => path.includes('node_modules/'))
    .filter(([, entry]) => !entry.optional && !entry.devOptional && !entry.extraneous)
    .filter(([path, entry]) => {
      const found = installed.packages?.[path];
      return found === undefined || found.version !== entry.version || Boolean(found.link) !== Boolean(entry.link);
    })
    .map(([path]) => path);
}

/**
 * Why an installation is needed.
 *
 * @param {string} root the workspace's folder
 * @returns {string | null} the reason, or null when what is installed agrees with package-lock.json
 */
export function installReason(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return 'node_modules is missing';
  const stale = stalePackages(readJson(join(root, 'package-lock.json')), readJson(record));
  if (stale.length > 0) return `node_modules is stale (${stale.length} packages, ${stale[0]} is the first)`;
  return null;
}

/** @param {string[]} args */
function npm(args) {
  const script = process.env.npm_execpath;
  /** @type {import('node:child_process').SpawnSyncOptions} */
  const options = { cwd: workspaceRoot, stdio: ['ignore', 2, 2] };
  const outcome = script?.endsWith('.js')
    ? spawnSync(process.execPath, [script, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (outcome.error) throw new SetupError(`npm could not be started: ${outcome.error.message}`);
  if (outcome.status !== 0)
    throw new SetupError(`npm ${args.join(' ')} failed with exit code ${outcome.status}; its messages are above`);
}

function installDependencies() {
  const reason = installReason(workspaceRoot);
  if (reason === null) return;
  say(`${reason}: installing (about half a minute)`);
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/**
 * What the native build left out.
 *
 * @param {{ built: boolean, reason?: string, cuda?: { built: boolean, reason?: string } }} status the parsed status.json
 * @returns {Skip[]}
 */
export function nativeSkips({ built, reason, cuda }) {
  if (!built) return [{ what: 'native kernels', reason: `${reason ?? 'unknown'}; the TypeScript kernels serve` }];
  if (!cuda?.built) return [{ what: 'CUDA kernels', reason: cuda?.reason ?? 'unknown' }];
  return [];
}

/** The build script says what it does, and makes `VLPRM_NATIVE=required` an exit code. @returns {Skip[]} */
function buildNative() {
  const outcome = spawnSync(process.execPath, [nativeBuildScript], { cwd: nativeFolder, stdio: ['ignore', 2, 2] });
  if (outcome.status !== 0) throw new SetupError('the native build failed; its messages are above');
  return nativeSkips(readJson(nativeStatusFile));
}

/**
 * Installs what is missing or stale, builds native code where there is a toolchain, and says what it left out.
 *
 * @returns {SetupResult}
 * @throws {SetupError} when an installation fails, or something marked as required cannot be had
 */
export function setUp() {
  const start = performance.now();
  if (isTooOld(process.versions.node))
    throw new SetupError(`Node ${OLDEST_NODE.join('.')} or newer is needed, and this is ${process.versions.node}`);
  installDependencies();
  const skipped = buildNative();
  const seconds = (performance.now() - start) / 1000;
  say(`ready in ${seconds.toFixed(1)} s`);
  return { skipped, seconds };
}

/**
 * Runs `setUp` for a command: an expected failure ends the process with one line and exit code 1.
 *
 * @returns {SetupResult}
 */
export function setUpOrExit() {
  try {
    return setUp();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`setup: error: ${error.message}\n`);
    process.exit(1);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) setUpOrExit();
