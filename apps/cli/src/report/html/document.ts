import { html, trusted, type Markup } from './markup.ts';
import { STYLE } from './style.ts';

export interface DocumentParts {
  readonly title: string;
  readonly body: Markup;
  /** Rules beside those that all pages share. */
  readonly style?: string;
  /** Whether the body has scripts of its own. */
  readonly scripts?: boolean;
}

/** A page that needs nothing but itself: its policy lets it load nothing. */
export function htmlDocument({ title, body, style = '', scripts = false }: DocumentParts): string {
  const policy = `default-src 'none'; style-src 'unsafe-inline'; ${scripts ? "script-src 'unsafe-inline'; " : ''}img-src data:`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${trusted(policy)}" />
        <title>${title}</title>
        <style>
          ${trusted(STYLE + style)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `.markup;
}
