"""The JavaScript of a Postman collection: what a request needs, asserts and remembers.

Pure text; knows no document.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Final

# What a request may be answered whose file or whose object the collection can't provide. That the
# key is refused (401, 403), used up (402, 429) or that the server fails is never among it.
FOR_WANT_OF_INPUT: Final = frozenset({400, 404, 409, 413, 415, 422})


def only_with(variable: str) -> list[str]:
    """Return a script that leaves a request out where the variable is not set."""
    return [
        f"if (!pm.variables.get({json.dumps(variable)})) {{",
        "  pm.execution.skipRequest();",
        "}",
    ]


def tests(
    documented: Iterable[int],
    *,
    provides_all: bool,
    made: tuple[str, str] | None,
    told: Collection[str],
) -> list[str]:
    """Return the script that judges an answer and remembers what the next requests are about.

    Args:
        documented: the statuses of the operation.
        provides_all: whether the collection has all that the request needs, so that only
            success will do.
        made: the variable for what was made, and the member of the answer that names it.
        told: the members of the answer that are variables of their own.
    """
    accepted = [s for s in documented if s < 300 or (not provides_all and s in FOR_WANT_OF_INPUT)]
    lines = [
        'pm.test("the answer is a good one", () => {',
        f"  pm.expect({json.dumps(accepted)}).to.include(pm.response.code);",
        "});",
    ]
    if made is None and not told:
        return lines
    lines += [
        # Of the run first: a variable of the environment must not stand for what was made here.
        "const keep = (variable, value) => {",
        "  pm.collectionVariables.set(variable, value);",
        "  pm.variables.set(variable, value);",
        "};",
        "if (pm.response.code < 300) {",
        "  const body = pm.response.json();",
    ]
    if made is not None:
        variable, member = made
        lines += [
            f"  const named = (one) => one[{json.dumps(member)}] || one.public_id || one.id;",
            f"  keep({json.dumps(variable)}, named(body) || named(body.data || {{}}));",
        ]
    for name in told:
        lines.append(
            _KEPT.get(name, "  keep({name}, body[{name}]);").replace("{name}", json.dumps(name))
        )
    return [*lines, "}"]


# What the collection makes outlives neither the key nor an hour, and works from where the key does.
_KEPT: Final = {
    "allowed_networks": "  keep({name}, JSON.stringify(body[{name}]));",
    "expires_at": (
        "  const inAnHour = new Date(Date.now() + 3600000).toISOString();\n"
        "  const ends = body[{name}];\n"
        "  const earlier = ends && new Date(ends) < new Date(inAnHour) ? ends : inAnHour;\n"
        "  keep({name}, JSON.stringify(earlier));"
    ),
}
