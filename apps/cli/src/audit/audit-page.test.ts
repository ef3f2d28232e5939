import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { AUDIT_SCHEMA, auditSchema, TRACE_SCHEMA, type Audit } from '@vlprm/core/records';
import { afterAll, describe, expect, it } from 'vitest';
import { auditPage, type AuditedTrace } from './audit-page.ts';

const folder = mkdtempSync(join(tmpdir(), 'vlprm-audit-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SHA = 'a'.repeat(64);

function picked(traceId: string, finding: Audit['finding'] = null): AuditedTrace {
  return {
    audit: { schema: AUDIT_SCHEMA, traceId, stratum: 'judge-right-mc-wrong', weight: 2.5, finding },
    trace: {
      schema: TRACE_SCHEMA,
      id: traceId,
      problemId: 'p',
      groupId: 'g',
      images: [{ sha256: SHA, mime: 'image/png', width: 1, height: 1, path: 'a.png' }],
      question: `How many in ${traceId}? </script><script>window.hacked = 1</script>`,
      answer: '3',
      steps: ['There are <b>two</b>.', 'Two is even.', 'So two.'].map((text, index) => ({
        index,
        kind: index === 0 ? 'perception' : 'reasoning',
        text,
        mc: { correct: 5, incorrect: 10, unparsable: 0, failed: 1, budget: 16 },
        judge: [{ verdict: 1, by: 'some-judge' }],
        label: null,
        soft: null,
        origin: null,
      })),
      finalAnswer: '2',
      outcome: 'incorrect',
      firstError: null,
      consensus: null,
      provenance: { source: 'test', policy: null, judges: ['some-judge'], seed: null, usd: null },
    },
  };
}

const page = auditPage([picked('first'), picked('second'), picked('third', { firstError: 1, by: 'a-model' })], {
  [SHA]: PICTURE,
});
const FILLED_BY_A_MODEL = auditPage(
  ['first', 'second', 'third'].map((id) => picked(id, { firstError: 2, by: 'a-model' })),
  {},
);

describe('the audit page', () => {
  it('loads nothing from anywhere, and lets no text of a model out of its data', () => {
    expect(page).not.toMatch(/\b(?:src|href)="|@import|url\(/);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain('</script><script>window');
  });
});

const run = promisify(execFile);
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=3000', '--dump-dom'];

/** What `script`, run after the page's own, returns as JSON. */
async function inBrowser(script: string, shown = page): Promise<unknown> {
  const file = join(folder, 'audit.html');
  const tail = `<script>(async () => { ${script} })().then(
    (value) => document.title = JSON.stringify(value), (error) => document.title = JSON.stringify(String(error)));</script>`;
  writeFileSync(file, shown.replace('</body>', `${tail}</body>`));
  const profile = `--user-data-dir=${join(folder, 'profile')}`;
  const { stdout } = await run(CHROMIUM ?? '', [...FLAGS, profile, pathToFileURL(file).href], { maxBuffer: 2 ** 26 });
  const title = /<title>([\s\S]*?)<\/title>/.exec(stdout)?.[1] ?? '';
  const text = title.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return JSON.parse(text) as unknown;
}

const DRIVE = `
  const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  const text = (id) => document.getElementById(id).textContent;
  const evidence = () => document.querySelectorAll('.evidence').length;
  const revealed = () => document.getElementById('revealed').checkVisibility();
  const name = document.getElementById('name');
  const sayName = () => { name.value = 'Ada'; name.dispatchEvent(new Event('input')); name.blur(); };
  const downloaded = () => new Promise((resolve) => {
    HTMLAnchorElement.prototype.click = () => undefined;
    URL.createObjectURL = (blob) => { void blob.text().then(resolve); return 'blob:'; };
    document.getElementById('download').click();
  });
`;

describe.skipIf(CHROMIUM === undefined)('the audit page in a browser (needs Chromium)', () => {
  it('shows evidence only of what is decided, by key and by click, hands out the filled file, and goes on where it was left', async () => {
    const result = (await inBrowser(`${DRIVE}
      localStorage.clear();
      const before = [text('position'), evidence(), revealed(), window.hacked];
      press('a');
      const unnamed = [text('message'), text('done')];
      sayName();
      press('ArrowDown'); press('ArrowDown');
      const focused = document.activeElement.dataset.index;
      document.activeElement.click();
      const decided = [evidence(), text('done'), text('outcome'), document.querySelectorAll('.step.right, .step.wrong').length];
      press('n');
      const second = [text('position'), evidence(), revealed()];
      press('a');
      return { before, unnamed, focused, decided, second, file: await downloaded() };
    `)) as Record<string, unknown>;
    expect(result).toMatchObject({
      before: ['Solution 1 of 3', 0, false, null],
      unnamed: [expect.stringContaining('who you are'), '1 of 3 decided'],
      focused: '1',
      decided: [3, '2 of 3 decided', 'incorrect (the key says 3)', 2],
      second: ['Solution 2 of 3', 0, false],
    });
    const audits = String(result['file'])
      .trim()
      .split('\n')
      .map((line) => auditSchema.parse(JSON.parse(line)));
    expect(audits.map(({ finding }) => finding)).toEqual([
      { firstError: 1, by: 'Ada' },
      { firstError: null, by: 'Ada' },
      { firstError: 1, by: 'a-model' },
    ]);
    expect(audits[0]).toMatchObject({ traceId: 'first', stratum: 'judge-right-mc-wrong', weight: 2.5 });

    const again = await inBrowser(`${DRIVE}
      const kept = [text('position'), text('done'), name.value];
      press('c');
      return { kept, cleared: text('done') };
    `);
    expect(again).toMatchObject({ kept: ['Solution 1 of 3', '3 of 3 decided', 'Ada'], cleared: '2 of 3 decided' });

    const filled = String(await inBrowser(`${DRIVE} return downloaded();`, FILLED_BY_A_MODEL));
    const findings = filled
      .trim()
      .split('\n')
      .map((line) => auditSchema.parse(JSON.parse(line)).finding);
    expect(findings).toEqual([null, { firstError: null, by: 'Ada' }, { firstError: 2, by: 'a-model' }]);
  });
});
