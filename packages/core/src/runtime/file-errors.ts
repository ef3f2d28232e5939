import { VlprmError } from './errors.ts';

/** The typed error for a file that could not be read: not there, or there but unreadable. */
export function fileError(path: string, cause: unknown): VlprmError {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new VlprmError('ERR_FILE_MISSING', 'no such file', { where: path, fix: 'check the path', cause });
  }
  return new VlprmError('ERR_FILE_MALFORMED', `cannot be read as a file${code === undefined ? '' : ` (${code})`}`, {
    where: path,
    fix: 'check that it is a readable file',
    cause,
  });
}
