/** The page's style sheet: light and dark by the reader's setting, no external resource. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --ink: #17191d; --soft: #565d68; --rule: #e3e1db; --track: #ecebe6;
  --accent: #0b6b7a; --accent-soft: #d8eef0;
  --right: #0a7a55; --right-soft: #d9f1e6; --wrong: #b83a0f; --wrong-soft: #fde5da; --amber: #8a5a00; --amber-soft: #fbeecb;
  --c-weighted-vote: #0b6b7a; --c-majority: #4b5563; --c-one-shot: #b83a0f; --c-step-mean: #7a3fd1; --c-step-min: #1d5fd6;
  --c-step-last: #9a6700; --c-guided-greedy: #b3146b; --c-bound: #8b8f97;
  --perception: #0b6b7a; --reasoning: #9a4d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1215; --card: #171b20; --ink: #eceef1; --soft: #a3acb8; --rule: #2a3038; --track: #262c34;
    --accent: #5cc8d7; --accent-soft: #123a41;
    --right: #4cd3a0; --right-soft: #10382b; --wrong: #ff9a70; --wrong-soft: #46210f; --amber: #f0c05a; --amber-soft: #3d2f0c;
    --c-weighted-vote: #5cc8d7; --c-majority: #c3cad4; --c-one-shot: #ff9a70; --c-step-mean: #b998ff; --c-step-min: #7fb0ff;
    --c-step-last: #f0c05a; --c-guided-greedy: #ff85bf; --c-bound: #7d8590;
    --perception: #5cc8d7; --reasoning: #f0b060;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header.top, footer { max-width: 1120px; margin: 0 auto; padding: 0 28px; }
h1, h2, h3 { line-height: 1.15; letter-spacing: -0.018em; text-wrap: balance; }
h1 { font-size: clamp(2rem, 4.6vw, 3.1rem); margin: 0 0 .35em; font-weight: 720; }
h2 { font-size: 1.55rem; margin: 0 0 .3em; font-weight: 700; }
h3 { font-size: 1.02rem; margin: 0 0 .6em; font-weight: 650; letter-spacing: -0.008em; }
p { margin: 0 0 .9em; max-width: 72ch; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: .18em; }
a:focus-visible, summary:focus-visible, .series:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 12px; background: var(--card); padding: 8px 14px; z-index: 9; }
header.top { padding-top: 52px; padding-bottom: 12px; }
.hero { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 430px); gap: 44px; align-items: center; }
.hero figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 16px; padding: 16px; display: grid; grid-template-columns: 132px 1fr; gap: 6px 16px; box-shadow: 0 18px 44px -30px rgb(0 0 0 / .45); }
.hero img { width: 132px; height: auto; border-radius: 9px; border: 1px solid var(--rule); background: #fff; align-self: center; }
.hero ol { margin: 0; padding: 0; list-style: none; font-size: .8rem; line-height: 1.3; align-self: center; }
.hero li { padding: 4px 0; } .hero li .text { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; color: var(--soft); }
.hero li.err .text { color: var(--ink); font-weight: 600; }
.hero .score { grid-template-columns: 1fr 2.6em; gap: 8px; font-variant-numeric: tabular-nums; font-weight: 620; } .hero .score .track { height: 8px; }
.hero figcaption { grid-column: 1 / -1; font-size: .82rem; color: var(--soft); border-top: 1px solid var(--rule); padding-top: 9px; margin-top: 4px; }
.kicker { color: var(--accent); font-weight: 650; letter-spacing: .02em; margin-bottom: .5em; }
.lede { font-size: 1.16rem; color: var(--soft); max-width: 66ch; }
.lede strong { color: var(--ink); font-weight: 620; }
nav { display: flex; flex-wrap: wrap; gap: 6px 20px; padding: 14px 0 0; border-top: 1px solid var(--rule); margin-top: 22px; font-size: .93rem; }
nav a { text-decoration: none; color: var(--soft); }
nav a:hover { color: var(--ink); text-decoration: underline; }
section { padding: 44px 0 8px; }
.note { color: var(--soft); font-size: .94rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 14px; padding: 22px 24px; margin: 16px 0; }
.grid { display: grid; gap: 16px; align-items: start; }
.two { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); gap: 16px 34px; }
.two > .card { margin: 0; height: 100%; }
.tiles { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); margin: 26px 0 6px; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 14px; padding: 18px 20px 16px; }
.tile .what { color: var(--soft); font-size: .9rem; margin: 0; }
.tile .big { font-size: 2.35rem; font-weight: 700; letter-spacing: -.035em; line-height: 1.15; font-variant-numeric: tabular-nums; margin: .1em 0 .12em; }
.tile .big small { font-size: .45em; font-weight: 600; letter-spacing: 0; color: var(--soft); }
.tile .more { font-size: .87rem; color: var(--soft); margin: 0; }
.badge { display: inline-flex; align-items: center; gap: .4em; font-size: .82rem; font-weight: 620; border-radius: 99px; padding: .14em .7em; white-space: nowrap; }
.badge.ok { color: var(--right); background: var(--right-soft); }
.badge.short { color: var(--wrong); background: var(--wrong-soft); }
.badge.open { color: var(--amber); background: var(--amber-soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .6em; }
th, td { padding: .5em .8em .5em 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th { font-weight: 600; } thead th { color: var(--soft); font-size: .85rem; font-weight: 600; }
tbody th { font-weight: 560; }
td.n, th.n { text-align: right; } th.n:last-child, td.n:last-child { padding-right: .2em; } tr.strong td, tr.strong th { font-weight: 680; }
tbody tr:last-child > * { border-bottom: 0; }
td .ci, th .ci { color: var(--soft); font-size: .88em; font-weight: 400; white-space: nowrap; }
th .ci { display: block; white-space: normal; max-width: 34em; }
.cell { display: inline-block; min-width: 4.6em; padding: .1em .55em; border-radius: 7px; text-align: right; }
.cell.weak { background: var(--amber-soft); color: var(--amber); font-weight: 640; }
.chart { display: block; width: 100%; height: auto; font: 13px ui-sans-serif, system-ui, "Segoe UI", Roboto, Arial, sans-serif; font-variant-numeric: tabular-nums; overflow: visible; }
.chart text { fill: var(--ink); } .chart .axis text, .chart .muted { fill: var(--soft); font-weight: 400; }
.chart .rule { stroke: var(--rule); stroke-width: 1; } .chart .zero { stroke: var(--ink); stroke-width: 1.2; }
.series { color: var(--c-bound); outline: none; transition: opacity .12s; }
.series .line { fill: none; stroke: currentColor; stroke-width: 2.1; stroke-linejoin: round; }
.series circle { fill: currentColor; } .series .whisker { stroke: currentColor; stroke-width: 1.3; opacity: .42; }
.series .leader { fill: none; stroke: currentColor; opacity: .4; } .series .label { fill: currentColor; font-weight: 620; } .series .label .value { font-weight: 450; }
.series.bound .line { stroke-dasharray: 5 5; stroke-width: 1.6; } .series.bound .label { font-weight: 450; }
.s-weighted-vote .line { stroke-width: 3.4; }
.accuracy:has(.series:hover) .series:not(:hover), .accuracy:has(.series:focus-visible) .series:not(:focus-visible) { opacity: .16; }
.s-weighted-vote { color: var(--c-weighted-vote); } .s-majority { color: var(--c-majority); } .s-one-shot { color: var(--c-one-shot); }
.s-step-mean { color: var(--c-step-mean); } .s-step-min { color: var(--c-step-min); } .s-step-last { color: var(--c-step-last); } .s-guided-greedy { color: var(--c-guided-greedy); }
.gain { color: var(--amber); } .gain.above { color: var(--right); } .gain.below { color: var(--wrong); }
.gain .range { stroke: currentColor; stroke-width: 2.4; stroke-linecap: round; opacity: .55; } .gain circle { fill: currentColor; } .gain .figure { font-weight: 640; }
.reliability .diagonal { stroke: var(--soft); stroke-dasharray: 4 5; } .reliability .mass { fill: var(--accent); opacity: .28; }
.reliability .curve { fill: none; stroke: var(--accent); stroke-width: 2.2; } .reliability .point { fill: var(--accent); stroke: var(--card); stroke-width: 1.2; }
.m-perception { color: var(--perception); } .m-reasoning { color: var(--reasoning); }
.dots circle { fill: currentColor; } .dots .range { stroke: currentColor; stroke-width: 2; opacity: .45; }
.dots .limit line { stroke: currentColor; stroke-dasharray: 3 4; opacity: .75; } .dots .limit text { fill: currentColor; font-size: 11.5px; }
.dot-row .name { font-weight: 500; } .dot-row.strong .name { font-weight: 720; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: .88rem; color: var(--soft); margin: 0 0 8px; }
.legend span::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: currentColor; margin-right: .45em; }
.legend .m-perception, .legend .m-reasoning { font-weight: 600; }
.bars { display: grid; grid-template-columns: minmax(100px, max-content) 1fr 4em; gap: 8px 14px; align-items: center; font-size: .93rem; margin: 4px 0 14px; }
.bars .track, .score .track { background: var(--track); border-radius: 99px; height: 13px; overflow: hidden; }
.bars .fill, .score .fill, .bars .track, .score .track { display: block; }
.bars .fill { height: 100%; border-radius: 99px; min-width: 3px; background: var(--accent); } .bars .fill.before { background: var(--c-bound); } .bars .fill.alarm { background: var(--wrong); }
.bars b { text-align: right; font-variant-numeric: tabular-nums; font-weight: 640; }
.time { display: flex; height: 30px; border-radius: 9px; overflow: hidden; margin: 6px 0 12px; gap: 2px; }
.time i { display: block; } .time .t0 { background: var(--c-step-min); } .time .t1 { background: var(--c-weighted-vote); } .time .t2 { background: var(--c-step-last); } .time .t3 { background: var(--c-guided-greedy); } .time .t4 { background: var(--c-bound); }
.keys { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: .9rem; padding: 0; margin: 0; list-style: none; }
.keys .t0 { color: var(--c-step-min); } .keys .t1 { color: var(--c-weighted-vote); } .keys .t2 { color: var(--c-step-last); } .keys .t3 { color: var(--c-guided-greedy); } .keys .t4 { color: var(--c-bound); }
.keys li::before { content: "■"; margin-right: .45em; } .keys li span { color: var(--ink); }
.puzzle { display: grid; grid-template-columns: 232px 1fr; gap: 28px; }
.puzzle figure { margin: 0; position: sticky; top: 16px; align-self: start; }
.puzzle img { width: 100%; height: auto; border-radius: 10px; border: 1px solid var(--rule); background: #fff; display: block; image-rendering: auto; }
.puzzle figcaption { font-size: .9rem; color: var(--soft); margin-top: 10px; overflow-wrap: anywhere; } .puzzle figcaption strong { color: var(--ink); }
.solution + .solution { margin-top: 26px; padding-top: 20px; border-top: 1px dashed var(--rule); }
.solution h4 { margin: 0 0 8px; font-size: .95rem; font-weight: 650; display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: baseline; }
.solution h4 .muted { color: var(--soft); font-weight: 450; }
.steps td, .steps th { padding: .42em .7em .42em 0; font-size: .9rem; } .steps tbody th { font-weight: 450; overflow-wrap: anywhere; min-width: 200px; }
.steps { table-layout: fixed; min-width: 620px; } .steps th:nth-child(2) { width: 168px; } .steps th:nth-child(3), .steps th:nth-child(5) { width: 86px; } .steps th:nth-child(4) { width: 88px; }
.steps thead th { white-space: nowrap; } .steps td.n, .steps th.n { padding-right: 1.2em; }
.steps tr.err > * { background: color-mix(in srgb, var(--wrong-soft) 55%, transparent); } .steps tr.err > :first-child { box-shadow: inset 3px 0 var(--wrong); padding-left: .7em; }
.kind { font-size: .78rem; font-weight: 600; margin-right: .5em; } .kind.perception { color: var(--perception); } .kind.reasoning { color: var(--reasoning); }
.score { display: grid; grid-template-columns: minmax(70px, 130px) 3.1em; gap: 10px; align-items: center; }
.score .track { position: relative; overflow: visible; height: 12px; } .score .fill { height: 100%; border-radius: 99px; min-width: 3px; }
.score .fill.high { background: var(--right); } .score .fill.low { background: var(--wrong); }
.score .tick { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--ink); opacity: .55; }
.v-ok, .v-bad { font-weight: 620; white-space: nowrap; } .v-ok { color: var(--right); } .v-bad { color: var(--wrong); } .v-none { color: var(--soft); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .35em 1.4em; margin: 0; font-size: .93rem; } dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
details > summary { cursor: pointer; font-weight: 600; } details[open] > summary { margin-bottom: 14px; }
.finding { display: grid; grid-template-columns: 7.4em 1fr; gap: 6px 18px; padding: 14px 0; border-bottom: 1px solid var(--rule); } .finding:last-child { border-bottom: 0; }
.finding p { margin: 0; } .finding .claim { font-weight: 600; } .finding .measured { color: var(--soft); }
footer { padding-top: 26px; padding-bottom: 56px; color: var(--soft); font-size: .9rem; border-top: 1px solid var(--rule); margin-top: 46px; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .9em; }
@media (max-width: 900px) { .hero { grid-template-columns: 1fr; gap: 24px; } }
@media (max-width: 760px) { .puzzle { grid-template-columns: 1fr; } .puzzle figure { position: static; max-width: 260px; } .finding { grid-template-columns: 1fr; } main, header.top, footer { padding-left: 18px; padding-right: 18px; } .card { padding: 18px; } }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } nav, .skip { display: none; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; scroll-behavior: auto !important; } }
`;
