import { KIND_WORDS } from '../report/html/step-evidence.ts';

/**
 * The script of an audit page. It reads `#data` ({@link AuditPageData}), shows one trace at a time, keeps what was
 * decided in localStorage, and hands it out as an audit file. All text goes through textContent.
 */
export const AUDIT_SCRIPT = String.raw`
'use strict';
(() => {
  const { key, pictures, items } = JSON.parse(document.getElementById('data').textContent);
  const $ = (id) => document.getElementById(id);
  const KINDS = ${JSON.stringify(KIND_WORDS)};

  const load = () => {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
  };
  const saved = load();
  const findings = new Map(items.map((item) => [item.traceId, item.finding]));
  // What was decided here, and nothing else: the file may come again with findings of others.
  const decided = new Map(Object.entries(saved.findings || {}).filter(([id]) => findings.has(id)));
  for (const [id, finding] of decided) findings.set(id, finding);
  $('name').value = saved.name || '';
  let at = Math.max(0, items.findIndex((item) => findings.get(item.traceId) === null));

  const save = () => {
    try {
      localStorage.setItem(key, JSON.stringify({ name: $('name').value, findings: Object.fromEntries(decided) }));
      $('kept').textContent = 'kept in this browser';
    } catch {
      $('kept').textContent = 'not kept: this browser stores nothing for files, so download before you leave';
    }
  };

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const verdictText = (verdict) => (verdict === 1 ? '✓' : verdict === -1 ? '✕' : verdict === 0 ? '~' : '–');
  const evidenceOf = (step) => {
    const parts = step.judge.map(({ by, verdict }) => by + ' ' + verdictText(verdict));
    if (step.mc) {
      const done = step.mc.correct + step.mc.incorrect + step.mc.unparsable;
      parts.push('rollouts ' + step.mc.correct + '/' + done + (step.mc.failed ? ' (' + step.mc.failed + ' failed)' : ''));
    }
    return parts.length ? parts.join(' · ') : 'no evidence';
  };

  const stepButton = (step, index, finding) => {
    const state = finding === null ? '' : finding.firstError === null || index < finding.firstError ? 'right'
      : index === finding.firstError ? 'wrong' : 'after';
    const button = element('button', 'step ' + state);
    button.type = 'button';
    button.dataset.index = String(index);
    button.setAttribute('aria-pressed', String(state === 'wrong'));
    button.append(element('span', 'number', String(index + 1)));
    const text = element('span', 'text');
    if (step.kind) text.append(element('span', 'kind ' + step.kind, KINDS[step.kind]));
    text.append(step.text);
    button.append(text);
    if (finding !== null) button.append(element('span', 'evidence', evidenceOf(step)));
    button.addEventListener('click', () => decide(index));
    return button;
  };

  const show = () => {
    const item = items[at];
    const finding = findings.get(item.traceId);
    $('position').textContent = 'Solution ' + (at + 1) + ' of ' + items.length;
    $('question').textContent = item.question;
    $('pictures').replaceChildren(...item.images.map((sha) => {
      const image = element('img');
      image.src = pictures[sha];
      image.alt = 'Picture of the question';
      return image;
    }));
    if (item.images.length === 0) $('pictures').append(element('p', 'note', 'No picture came with this solution.'));
    $('steps').replaceChildren(...item.steps.map((step, index) => {
      const place = element('li');
      place.append(stepButton(step, index, finding));
      return place;
    }));
    $('answer').textContent = item.finalAnswer === null ? 'nothing readable' : item.finalAnswer;
    $('all-right').setAttribute('aria-pressed', String(finding !== null && finding.firstError === null));
    $('clear').disabled = finding === null;
    $('revealed').hidden = finding === null;
    if (finding !== null) {
      $('outcome').textContent = item.outcome + (item.answer === null ? '' : ' (the key says ' + item.answer + ')');
      $('stratum').textContent = item.stratum;
      $('by').textContent = finding.by;
    }
    $('previous').disabled = at === 0;
    $('next').disabled = at === items.length - 1;
    const done = [...findings.values()].filter((one) => one !== null).length;
    $('done').textContent = done + ' of ' + items.length + ' decided';
    $('bar').max = items.length;
    $('bar').value = done;
  };

  const set = (finding) => {
    for (const map of [decided, findings]) map.set(items[at].traceId, finding);
    save();
    show();
  };
  const decide = (firstError) => {
    const by = $('name').value.trim();
    if (by === '') {
      $('message').textContent = 'Say who you are first: an audit without a name is worth nothing.';
      $('name').focus();
      return;
    }
    $('message').textContent = '';
    set({ firstError, by });
    $('next').focus({ preventScroll: true });
  };
  const clear = () => set(null);
  const go = (to) => {
    if (to < 0 || to >= items.length) return;
    at = to;
    show();
    window.scrollTo(0, 0);
  };
  const undecided = () => {
    const order = items.map((_, i) => (at + 1 + i) % items.length);
    const next = order.find((i) => findings.get(items[i].traceId) === null);
    if (next === undefined) $('message').textContent = 'Every solution is decided. Download the file.';
    else go(next);
  };

  const download = () => {
    const lines = items.map(({ traceId, stratum, weight }) =>
      JSON.stringify({ schema: 'vlprm.audit/1', traceId, stratum, weight, finding: findings.get(traceId) }) + '\n');
    const link = element('a');
    link.href = URL.createObjectURL(new Blob(lines, { type: 'application/jsonl' }));
    link.download = 'audit.jsonl';
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const moveFocus = (by) => {
    const buttons = [...$('steps').querySelectorAll('button')];
    const now = buttons.indexOf(document.activeElement);
    const next = now < 0 ? (by > 0 ? 0 : buttons.length - 1) : Math.min(buttons.length - 1, Math.max(0, now + by));
    buttons[next].focus();
  };
  const KEYS = {
    ArrowLeft: () => go(at - 1),
    ArrowRight: () => go(at + 1),
    ArrowUp: () => moveFocus(-1),
    ArrowDown: () => moveFocus(1),
    a: () => decide(null),
    c: clear,
    n: undecided,
  };
  document.addEventListener('keydown', (event) => {
    const act = KEYS[event.key];
    if (act === undefined || event.target === $('name') || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  $('name').addEventListener('input', save);
  $('all-right').addEventListener('click', () => decide(null));
  $('clear').addEventListener('click', clear);
  $('previous').addEventListener('click', () => go(at - 1));
  $('next').addEventListener('click', () => go(at + 1));
  $('undecided').addEventListener('click', undecided);
  $('download').addEventListener('click', download);
  show();
})();
`;
