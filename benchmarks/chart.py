"""A bar chart as SVG, light and dark, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, LABEL, ROW, TOP = 760, 230, 26, 58
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.note, .value { fill: #57606a; font-size: 12px; }
.ours { fill: #1a7f5a; } .peer { fill: #9aa4b0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .note, .value { fill: #9da7b3; }
  .ours { fill: #3fb98a; } .peer { fill: #5b6673; }
}
"""


def bars(title: str, note: str, rows: Sequence[tuple[str, float]], unit: str) -> str:
    """Return an SVG of one bar a row; names that begin with ``apikeys`` stand out.

    Args:
        title: above it.
        note: under the title, in small letters.
        rows: name and value; a value under nothing is drawn as nothing.
        unit: written after each value.
    """
    longest = max((value for _, value in rows), default=1) or 1
    room = WIDTH - LABEL - 90
    parts = []
    for number, (name, value) in enumerate(rows):
        y = TOP + number * ROW
        length = max(1.0, value / longest * room)
        kind = "ours" if name.startswith("apikeys") else "peer"
        parts.append(
            f'<text x="{LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="17"/>'
            f'<text class="value" x="{LABEL + length + 6:.1f}" y="{y + 16}">'
            f"{value:.0f} {escape(unit)}</text>"
        )
    height = TOP + len(rows) * ROW + 10
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">\n<style>{STYLE}</style>\n'
        f'<text class="title" x="0" y="18">{escape(title)}</text>\n'
        f'<text class="note" x="0" y="38">{escape(note)}</text>\n{body}\n</svg>\n'
    )
