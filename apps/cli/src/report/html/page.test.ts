import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gallerySchema } from '../gallery-schema.ts';
import { reportSchema } from '../report-schema.ts';
import { reportPage } from './page.ts';

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));
}

const report = reportSchema.parse(fixture('report'));
const gallery = gallerySchema.parse(fixture('gallery'));
const page = reportPage(report, gallery);

describe('reportPage', () => {
  it('loads nothing from anywhere', () => {
    const sources = [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, target]) => target ?? '');
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((target) => !target.startsWith('data:') && !target.startsWith('#'))).toEqual([]);
    expect(page).not.toMatch(/<script|@import|url\(/);
  });

  it('shows every target with what was measured, the missed ones too', () => {
    for (const target of report.gates.targets) {
      expect(page).toContain(target.name);
      expect(page).toContain(target.measured);
    }
    expect(page).toContain('✕ short');
  });

  it('shows every strategy, family and label rule', () => {
    for (const { strategy } of report.tts) expect(page).toContain(strategy);
    for (const family of Object.keys(report.prm.hybrid.families)) expect(page).toContain(family);
    expect(page).toContain('0.580 weak');
  });

  it('gives every picture a text and every chart a description', () => {
    expect(page.match(/<img /g)?.length).toBe(page.match(/<img [^>]*alt="[^"]+"/g)?.length);
    expect(
      page.match(/<svg[^>]*>/g)?.every((svg) => svg.includes('role="img"') && /aria-label="[^"]+"/.test(svg)),
    ).toBe(true);
  });

  it('shows text of a model as text', () => {
    const [item] = gallery.items;
    const hostile = { ...gallery, items: [{ ...item!, question: '<script>alert("x")</script> & more' }] };
    const shown = reportPage(report, hostile);
    expect(shown).not.toContain('<script');
    expect(shown).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; more');
  });

  it('stands without a gallery', () => {
    expect(reportPage(report, { ...gallery, items: [] })).toContain('Puzzles, step by step');
  });

  it('tells calls that failed from answers that cannot be read', () => {
    const failures = {
      samples: { failed: 101, unparsable: 102 },
      rollouts: { failed: 103, unparsable: 104 },
      reviews: { failed: 105, unparsable: 106 },
    };
    const rows = reportPage({ ...report, synthesis: { ...report.synthesis, failures } }, gallery).replace(/\s+/g, ' ');
    for (const [what, { failed, unparsable }] of Object.entries({
      Solutions: failures.samples,
      Rollouts: failures.rollouts,
      Reviews: failures.reviews,
    })) {
      expect(rows).toContain(`${what}</th> <td class="n">${failed}</td> <td class="n">${unparsable}</td>`);
    }
  });
});
