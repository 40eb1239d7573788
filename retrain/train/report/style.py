"""Pure. How the page of a run looks: by day, in the dark, on a telephone and on paper; and, apart,
how its charts and tables do, which boards show among their own.
"""

from typing import Final

SHADES: Final = 10  # steps from the palest to the darkest on which a figure can be read
_PALEST, _DARKEST = 0.1, 0.6


def _shades() -> str:
    """A class a step: where the rules are strict, a page may hold no style of a single element."""
    rules = ""
    for step in range(SHADES + 1):
        shade = _PALEST + (_DARKEST - _PALEST) * step / SHADES
        rules += f".s{step} {{ --shade: {shade:.2f} }}\n"
    return rules


_PAGE: Final = """
:root {
  color-scheme: light;
  --ink: #111; --soft: #555; --paper: #fff; --line: #bbb;
  --first: #0072b2; --second: #b84a00;
  --ok: #00664b; --watch: #8a5a00; --act: #b3261e;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --ink: #eee; --soft: #aaa; --paper: #151515; --line: #555;
    --first: #56b4e9; --second: #f0a060;
    --ok: #4ccfa5; --watch: #f0c040; --act: #ff8a80;
  }
}
* { box-sizing: border-box }
body {
  font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1180px; margin: 1rem auto; padding: 0 1rem; overflow-wrap: anywhere;
}
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.2rem; margin: 1.8rem 0 .4rem }
h3 { font-size: 1rem; margin: 1rem 0 .3rem }
.result {
  font-size: 1.1rem; font-weight: 600; padding: .2rem .7rem; border-left: 4px solid var(--line);
}
.champion, .registered { border-color: var(--ok) }
.rejected, .failed, .cancelled { border-color: var(--act) }
dl {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr));
  gap: .4rem 1rem; margin: .6rem 0;
}
dd { margin: 0 }
dt, figcaption, .none { color: var(--soft); font-size: .87rem }
"""
# In the page's own colours: --ink, --soft, --line, --first, --second, --ok, --watch, --act.
DRAWN: Final = """
table { border-collapse: collapse; width: 100% }
th, td {
  padding: .25rem .6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums;
}
th:not(:first-child), td:not(:first-child) { overflow-wrap: normal }
.ok td:nth-child(2), .holds b { color: var(--ok) }
.watch td:nth-child(2), .unknown b { color: var(--watch); font-weight: 600 }
.act td:nth-child(2), .fails b { color: var(--act); font-weight: 600 }
ol { padding-left: 1.4rem }
li { margin: .5rem 0 }
li p { margin: 0 }
.beyond { color: var(--soft) }
.branch { font-weight: 600 }

.charts {
  display: grid; gap: .6rem 1.4rem;
  grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr));
}
figure { margin: 0 }
svg { width: 100%; height: auto; display: block }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft) }

.wide { overflow-x: auto }
.wide th, .wide td { white-space: nowrap }
.stages td:first-child { overflow-wrap: normal; font-weight: 600 }
.grid { width: auto; font-size: .8rem }
.grid th, .grid td {
  padding: .15rem .35rem; border: 1px solid var(--line); white-space: nowrap;
}
.grid td { text-align: right }
.hit { background: rgb(0 114 178 / var(--shade)) }
.miss, .severe { background: rgb(213 94 0 / var(--shade)) }
.severe { font-weight: 700 }

@media screen and (max-width: 640px) {
  th, td { padding: .2rem .3rem; font-size: .87rem }
  .stack thead { display: none }
  .stack tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line) }
  .stack td {
    display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .1rem 0;
    text-align: right; overflow-wrap: anywhere;
  }
  .stack td:empty { display: none }
  .stack td::before { content: attr(data-of); color: var(--soft); text-align: left }
  .stack td:first-child { font-weight: 600 }
}
@media print {
  figure, tr, li { break-inside: avoid }
  .wide { overflow: visible }
  * { print-color-adjust: exact }
}
""" + _shades()
_PAPER: Final = """
@media print { body { max-width: none; margin: 0; font-size: 12px } }
"""
STYLE: Final = _PAGE + DRAWN + _PAPER
