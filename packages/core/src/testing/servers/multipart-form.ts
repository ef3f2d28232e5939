/** The fields of a `multipart/form-data` body of UTF-8 text, by name; empty for a body that is none. */
export function readMultipartForm(body: string, contentType: string): ReadonlyMap<string, string> {
  const [, quoted, plain] = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^;\s]+))/.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) return new Map();
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`).slice(1, -1);
  return new Map(
    parts.flatMap((part) => {
      const end = part.indexOf('\r\n\r\n');
      const name = /\bname="([^"]*)"/.exec(part.slice(0, end))?.[1];
      return name === undefined ? [] : [[name, part.slice(end + 4)] as const];
    }),
  );
}
