"""Ready-to-paste calls in five languages, in the carrier that a dialect prefers.

They read the secrets from the environment, so that no snippet ever holds one. Pure text: knows no
models, no requests and no DRF.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from apikeys.dialects import Basic, Bearer, Carrier, Dialect, EnvNames, Header


@dataclass(frozen=True, slots=True)
class Snippet:
    """One language's way to make the call.

    Attributes:
        name: a word for ids and files, such as ``curl``.
        title: how people call the language.
        code: the text to paste, ending in a line break.
    """

    name: str
    title: str
    code: str


def env_file_name(token_id: str) -> str:
    """Return the name of the file that holds a token's secrets."""
    return f"access-token-{token_id}.env"


def snippets(dialect: Dialect, *, url: str, env_file: str) -> tuple[Snippet, ...]:
    """Return a GET of ``url`` in curl, Python, JavaScript, PowerShell and HTTPie.

    Args:
        dialect: says how the credential travels and how its variables are called.
        url: what to call, absolute.
        env_file: name of the file that holds the variables; the snippets load it.

    Raises:
        ValueError: the ``.env`` file of the dialect holds no credential that any of its carriers
            takes, or the URL or a name could break out of its quotes.
    """
    if any(letter in f"{url}{env_file}" for letter in "\"'`$\\ \r\n"):
        raise ValueError("The URL of a snippet needs no quoting and no spaces.")
    carrier = _carrier(dialect)
    return tuple(
        Snippet(name, title, write(carrier, dialect.env_names, url, env_file))
        for name, (title, write) in _LANGUAGES.items()
    )


def _carrier(dialect: Dialect) -> Carrier:
    names = dialect.env_names
    for carrier in dialect.carriers:
        if (names.token_id and names.secret) if isinstance(carrier, Basic) else names.api_key:
            return carrier
    raise ValueError(f"Dialect {dialect.name!r} names no variables for any of its carriers.")


def _header(carrier: Carrier, key: str) -> tuple[str, str]:
    """Return name and value of the header that carries the key, written ``key``."""
    if isinstance(carrier, Header):
        return carrier.name, key
    if isinstance(carrier, Bearer):
        return "Authorization", f"Bearer {key}"
    raise ValueError(f"There is no snippet for the carrier {carrier.label}.")


def _curl(carrier: Carrier, names: EnvNames, url: str, env_file: str) -> str:
    if isinstance(carrier, Basic):
        option = f'--user "${names.token_id}:${names.secret}"'
    else:
        name, value = _header(carrier, f"${names.api_key}")
        option = f'--header "{name}: {value}"'
    return f"{_load(env_file)}curl {option} \\\n  {url}\n"


def _python(carrier: Carrier, names: EnvNames, url: str, env_file: str) -> str:
    if isinstance(carrier, Basic):
        argument = f'auth=(os.environ["{names.token_id}"], os.environ["{names.secret}"])'
    else:
        name, value = _header(carrier, f"{{os.environ['{names.api_key}']}}")
        exact = value.startswith("{")
        text = f'os.environ["{names.api_key}"]' if exact else f'f"{value}"'
        argument = f'headers={{"{name}": {text}}}'
    return (
        f"# {_load(env_file)}import os\n\nimport requests\n\n"
        f'response = requests.get(\n    "{url}",\n    {argument},\n    timeout=10,\n)\n'
        "response.raise_for_status()\nprint(response.json())\n"
    )


def _javascript(carrier: Carrier, names: EnvNames, url: str, env_file: str) -> str:
    if isinstance(carrier, Basic):
        pair = f"`${{process.env.{names.token_id}}}:${{process.env.{names.secret}}}`"
        first = f'const credential = Buffer.from({pair}).toString("base64");\n'
        header = "Authorization: `Basic ${credential}`"
    else:
        name, value = _header(carrier, f"${{process.env.{names.api_key}}}")
        first = ""
        exact = value.startswith("$")
        text = f"process.env.{names.api_key}" if exact else f"`{value}`"
        header = f'"{name}": {text}'
    return (
        f"// {_load(env_file)}{first}"
        f'const response = await fetch("{url}", {{\n  headers: {{ {header} }},\n}});\n'
        "if (!response.ok) throw new Error(await response.text());\n"
        "console.log(await response.json());\n"
    )


def _powershell(carrier: Carrier, names: EnvNames, url: str, env_file: str) -> str:
    load = (
        f"Get-Content {env_file} | ForEach-Object {{\n"
        '  $name, $value = $_ -split "=", 2\n'
        '  Set-Item "env:$name" $value\n}\n'
    )
    if isinstance(carrier, Basic):
        name, value = "Authorization", "Basic $credential"
        load += (
            f'$pair = "$($env:{names.token_id}):$($env:{names.secret})"\n'
            "$credential = [Convert]::ToBase64String([Text.Encoding]::ASCII.GetBytes($pair))\n"
        )
    else:
        name, value = _header(carrier, f"$($env:{names.api_key})")
    return f'{load}Invoke-RestMethod -Uri "{url}" -Headers @{{ "{name}" = "{value}" }}\n'


def _httpie(carrier: Carrier, names: EnvNames, url: str, env_file: str) -> str:
    if isinstance(carrier, Basic):
        option = f'--auth "${names.token_id}:${names.secret}" GET {url}'
    else:
        name, value = _header(carrier, f"${names.api_key}")
        option = f'GET {url} \\\n  "{name}: {value}"'
    return f"{_load(env_file)}http {option}\n"


def _load(env_file: str) -> str:
    return f"set -a; . ./{env_file}; set +a\n"


_LANGUAGES: Final[Mapping[str, tuple[str, Callable[[Carrier, EnvNames, str, str], str]]]] = {
    "curl": ("curl", _curl),
    "python": ("Python", _python),
    "javascript": ("JavaScript", _javascript),
    "powershell": ("PowerShell", _powershell),
    "httpie": ("HTTPie", _httpie),
}
