"""A run as text: ratios first, then microseconds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.names import API_KEY, FLOOR, FLOOR_401
from benchmarks.targets import Target


def rows(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one row for each thing measured in one process, by size, kind and cost."""
    times = run["times"]
    for label, values in times.items():
        size, name, kind = label.split("|")
        floor = times[f"{size}|{FLOOR if kind == 'accepted' else FLOOR_401}|accepted"]
        over = [a - b for a, b in zip(values, floor, strict=True)]
        peer = times.get(f"{size}|{API_KEY}|{kind}")
        theirs = [a - b for a, b in zip(peer, floor, strict=True)] if peer else None
        yield {
            "vendor": run["vendor"],
            "size": int(size),
            "name": name,
            "kind": kind,
            "of_floor": statistics.median(values) / statistics.median(floor),
            "of_api_key": statistics.median(over) / statistics.median(theirs) if theirs else None,
            "over": statistics.median(over),
            "quartiles": _quartiles(values),
            "queries": run["facts"][label]["queries"],
        }


def _quartiles(values: Sequence[float]) -> list[float]:
    return [round(q, 1) for q in statistics.quantiles(values, n=4, method="inclusive")]


def table(heading: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table of text, the first column to the left."""
    body = [list(columns), *(list(line) for line in lines)]
    widths = [max(len(line[n]) for line in body) for n in range(len(columns))]

    def show(line: Sequence[str]) -> str:
        cells = [
            text.rjust(widths[n]) if n else text.ljust(widths[0]) for n, text in enumerate(line)
        ]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([f"\n{heading}", show(body[0]), rule, *map(show, body[1:])])


def text(results: dict[str, Any], verdicts: Sequence[Target], left_out: Sequence[str]) -> str:
    """Return all tables of a run."""
    parts = [part for run in results.get("paths", []) for part in _paths(run)]
    parts += [*_limits(results.get("limits")), *_usage(results.get("usage", []))]
    parts += [*_pages(results.get("pages", [])), *_http(results.get("http"))]
    parts += _asgi(results.get("asgi"))
    shown = ((t.text, _number(t.value), _bound(t), t.verdict) for t in verdicts)
    parts.append(table("Targets", ("target", "measured", "bound", ""), shown))
    parts.append("\nLeft out: " + ("; ".join(left_out) if left_out else "nothing") + ".")
    return "\n".join(parts)


def _bound(target: Target) -> str:
    return f"{'≥' if target.at_least else '≤'} {target.bound:.3g}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _paths(run: dict[str, Any]) -> Iterator[str]:
    found = list(rows(run))
    columns = ("", "× floor", "÷ api-key", "µs over", "q1", "median", "q3", "queries")
    for size, kind in dict.fromkeys((row["size"], row["kind"]) for row in found):
        some = [row for row in found if (row["size"], row["kind"]) == (size, kind)]
        lines = (
            (
                row["name"],
                f"{row['of_floor']:.2f}",
                _number(row["of_api_key"]),
                f"{row['over']:.1f}",
                *(f"{quartile:.1f}" for quartile in row["quartiles"]),
                str(row["queries"]),
            )
            for row in sorted(some, key=lambda row: row["over"])
        )
        yield table(f"{run['vendor']}, {size:,} tokens, {kind} key", columns, lines)


def _limits(run: dict[str, Any] | None) -> Iterator[str]:
    if run:
        heading = f"Limiters: {run['attempts']} attempts of {run['processes']} processes"
        columns = ("", "µs", "round trips", f"let through of {run['amount']}")
        yield table(
            heading,
            columns,
            (
                (r["name"], str(r["microseconds"]), str(r["round_trips"]), str(r["allowed"]))
                for r in run["limiters"]
            ),
        )


def _usage(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    for run in runs:
        flush = run["flush"]
        heading = (
            f"Recording a use, {run['vendor']} "
            f"(a flush of {flush['tokens']} tokens takes {flush['milliseconds']} ms)"
        )
        yield table(heading, ("", "µs"), ((n, str(us)) for n, us in run["microseconds"].items()))


def _pages(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    for run in runs:
        heading = f"Pages, {run['vendor']}: big has {run['size']:,} tokens, small 1,000"
        lines = sorted(
            (name.replace("|", ", "), str(ms)) for name, ms in run["milliseconds"].items()
        )
        yield table(heading, ("", "ms"), lines)
        for page, scans in run["scans"].items():
            yield from (f"SEQUENTIAL SCAN, {page} page: {scan}" for scan in scans)


def _http(servers: dict[str, Any] | None) -> Iterator[str]:
    for server, found in (servers or {}).items():
        lines = (
            (n, f"{r['of_floor']:.2f}", f"{r['of_api_key']:.2f}", str(r["per_second"]))
            for n, r in sorted(found.items(), key=lambda item: -item[1]["per_second"])
        )
        columns = ("", "× floor", "× api-key", "requests/s")
        yield table(f"HTTP, {server}, PostgreSQL", columns, lines)


def _asgi(pairs: dict[str, Any] | None) -> Iterator[str]:
    if pairs:
        lines = (
            (name, str(found["per_second"][0]), str(found["per_second"][1]), str(found["ratio"]))
            for name, found in pairs.items()
        )
        yield table("HTTP, uvicorn, PostgreSQL, requests/s", ("", "first", "second", "×"), lines)
