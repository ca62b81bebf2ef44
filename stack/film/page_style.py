"""What the page of a series looks like beyond that of a stack."""

from typing import Final

STYLE: Final = """
.curves + .curves { margin-top: 1rem; }
.curves svg, .curves svg + .scale + svg { height: 7rem; }
.line.soft { stroke: var(--soft); stroke-width: 1.2; opacity: .75; } .line.down { stroke: var(--wait); }
.zero { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.key.line-main { background: var(--curve); height: .2rem; vertical-align: middle; }
.key.line-soft { background: var(--soft); height: .2rem; vertical-align: middle; }
.key.line-down { background: var(--wait); height: .2rem; vertical-align: middle; }
.strip { display: grid; gap: .7rem .5rem; margin-top: 1.2rem;
         grid-template-columns: repeat(auto-fill, minmax(var(--field), 1fr)); }
.strip figure { font-size: .75rem; }
.strip img, .strip .none { width: 100%; aspect-ratio: var(--shape); object-fit: cover;
                           border-radius: 4px; }
.strip .none { display: flex; flex-direction: column; padding: .4rem .5rem; overflow: hidden;
               border: 1px dashed var(--line); color: var(--soft); line-height: 1.3;
               overflow-wrap: anywhere; }
.strip .none b { color: var(--wait); } .strip .none.failed b { color: var(--bad); }
.strip figcaption { display: flex; justify-content: space-between; gap: .3rem; margin-top: .15rem;
                    font-size: inherit; font-variant-numeric: tabular-nums; white-space: nowrap;
                    overflow: hidden; }
.strip figcaption b { color: var(--ink); font-weight: 600; }
header a { color: var(--curve); }
.tally { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin-top: 1.2rem; }
.tally div { line-height: 1.25; } .tally b { display: block; font-size: 1.5rem; font-weight: 600; }
.tally span { color: var(--soft); font-size: .85rem; }
td.why { text-align: left; white-space: normal; min-width: 14rem; overflow-wrap: anywhere; }
.failed-word { color: var(--bad); } .skipped-word { color: var(--wait); }
""".strip()
