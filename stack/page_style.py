"""How a report looks: light or dark as its reader's device is, and as wide."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b2026; --soft: #616b75; --line: #dfe4e8; --paper: #f6f7f8;
        --card: #fff; --good: #23794a; --bad: #b3372f; --wait: #9a6100; --curve: #2467c4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaed; --soft: #9aa4ad; --line: #30373e; --paper: #121518; --card: #1a1e22;
          --good: #62c28e; --bad: #f0837a; --wait: #e2ab49; --curve: #6ea8ff; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem;
       margin: 0 auto; padding: 1.4rem clamp(.9rem, 3vw, 2rem) 3rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: .95rem; margin: 0 0 .4rem; }
header p { margin: .3rem 0 0; overflow-wrap: anywhere; }
.soft-ink, figcaption, dt, th, .scale { color: var(--soft); }
.pill { font-size: .8rem; font-weight: 600; vertical-align: middle; padding: .15rem .6rem;
        border-radius: 1rem; border: 1px solid currentColor; color: var(--wait); }
.pill.done { color: var(--good); } .pill.failed, .pill.aborted { color: var(--bad); }
figure { margin: 0; } figure img { width: 100%; height: auto; border-radius: 8px; display: block; }
figure.merged { margin-top: 1.2rem; }
figure.merged img { max-height: 85vh; object-fit: contain; background: #000; }
figcaption { font-size: .85rem; margin-top: .4rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.cards, .facts { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); margin-top: 1.2rem;
                 align-items: start; }
.cards > div { display: grid; gap: 1rem; }
@media (min-width: 46rem) { .cards:has(figure), .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
ul { margin: 0; padding-left: 1.1rem; } li { overflow-wrap: anywhere; } li + li { margin-top: .35rem; }
li:only-child { list-style: none; margin-left: -1.1rem; }
section > ul { max-height: 22rem; overflow-y: auto; }
.good { border-left: 4px solid var(--good); } .wait { border-left: 4px solid var(--wait); }
.good h2 { color: var(--good); } .wait h2 { color: var(--wait); }
.ramp { display: inline-flex; align-items: center; gap: .4rem; } .ramp i { font-style: normal; }
.ramp b { width: 7rem; height: .6rem; border-radius: .3rem; 
          background: linear-gradient(90deg, #30123b, #4662d7,
          #36aaf9, #1ae4b6, #72fe5e, #c8ef34, #faba39, #f66b19, #ca2a04, #7a0403); }
.curves { margin-top: 1.2rem; } .curves svg { display: block; width: 100%; height: 8rem;
          border-bottom: 1px solid var(--line); }
.curves svg + .scale + svg { height: 6rem; }
.scale { display: flex; justify-content: space-between; gap: 1rem; font-size: .8rem; margin: .6rem 0 .3rem; }
.scale .end { text-align: right; }
.keyed { white-space: nowrap; } .keyed + .keyed { margin-left: .5rem; }
.key { display: inline-block; width: .9rem; height: .7rem; }
.line { fill: none; stroke: var(--curve); stroke-width: 2; stroke-linejoin: round;
        vector-effect: non-scaling-stroke; }
.area { fill: var(--curve); opacity: .14; } .bar { fill: var(--curve); } .slot { fill: transparent; }
.slot:hover { fill: var(--ink); opacity: .12; }
rect.soft { fill: var(--wait); opacity: .22; } .key.soft { background: var(--wait); opacity: .35; }
rect.missing { fill: var(--soft); opacity: .35; } .key.missing { background: var(--soft); opacity: .5; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.2rem; margin: 0; }
dt { max-width: 9rem; overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: 1.2rem; } summary { cursor: pointer; padding: .3rem 0; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: normal; }
th:first-child, td:first-child { text-align: left; }
@media print {
  body { background: none; max-width: none; } details > .wide { display: block; }
  details::details-content { content-visibility: visible; block-size: auto; }
  figure, tr, .curves { break-inside: avoid; } .ramp b, .key { print-color-adjust: exact; }
  section > ul { max-height: none; } }
""".strip()
