import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VlprmError } from '@vlprm/core/runtime';
import { loadConfig as loadLayers } from 'c12';
import { configSchema, type Config } from './config-schema.ts';

type Values = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Values of the file under those of the flags; a flag that sets a part of a key (`budget`) leaves its other parts. */
function merge(file: Values, flags: Values): Values {
  const merged = { ...file, ...flags };
  for (const [key, value] of Object.entries(flags)) {
    const under = file[key];
    if (isObject(value) && isObject(under)) merged[key] = { ...under, ...value };
  }
  return merged;
}

function withoutUndefined(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

async function readFile(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new VlprmError('ERR_FILE_MISSING', 'there is no such configuration file', {
      where: `--config ${file}`,
      fix: 'check the path',
    });
  }
  try {
    const { config } = await loadLayers({
      cwd: dirname(path),
      configFile: path,
      rcFile: false,
      globalRc: false,
      packageJson: false,
      dotenv: false,
      extend: false,
      giget: false,
    });
    return config;
  } catch (cause) {
    throw new VlprmError('ERR_CONFIG', 'the configuration file cannot be read as YAML or JSON', {
      where: file,
      fix: 'check its syntax',
      cause,
    });
  }
}

/**
 * Configuration of one command: the file's keys, overridden by the flags that were given.
 * @param file path of a YAML or JSON file, null for none
 * @throws ERR_FILE_MISSING, ERR_CONFIG with the path of the offending key
 */
export async function loadConfig(file: string | null, flags: Readonly<Record<string, unknown>>): Promise<Config> {
  const fromFile = file === null ? {} : await readFile(file);
  const parsed = configSchema.safeParse(merge(fromFile, withoutUndefined(flags)));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new VlprmError('ERR_CONFIG', issue?.message ?? 'the configuration does not fit', {
    where: [file ?? 'flags', path].filter((part) => part !== '').join(', key '),
    fix: `see docs/${path.includes('.') ? 'endpoints' : 'command-line'}.md for the keys and what they may hold`,
    cause: parsed.error,
  });
}
