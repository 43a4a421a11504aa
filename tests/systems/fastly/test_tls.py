"""S4-09: `scripts/demo` serves TLS by itself, and nothing below 1.2."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.packaging.test_scripts import clone, surroundings
from tests.support.listening import free_port, wait_for_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.project,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


def certificate(folder: Path) -> dict[str, str]:
    """Make a certificate for 127.0.0.1 and return the variables that name it."""
    files = {"TLS_CERT": str(folder / "cert.pem"), "TLS_KEY": str(folder / "key.pem")}
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", files["TLS_CERT"], "-keyout", files["TLS_KEY"]),
        ],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return clone(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def files(folder) -> dict[str, str]:
    return certificate(folder)


@pytest.fixture(scope="module")
def port(folder, files) -> Iterator[int]:
    """Start the demo over TLS; return its port when it listens."""
    chosen = free_port()
    with subprocess.Popen(
        ["scripts/demo"],
        cwd=folder,
        env=surroundings(PORT=str(chosen), HTTPS="on", **files),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Serving on" in line:
                break
        assert f"https://127.0.0.1:{chosen}" in said, said
        assert "proxy" not in said
        wait_for_port(process, chosen)
        yield chosen
        process.send_signal(signal.SIGTERM)


def shake_hands(port: int, files: dict[str, str], version: ssl.TLSVersion) -> str | None:
    """Return the version agreed on with a client that speaks this one alone."""
    context = ssl.create_default_context(cafile=files["TLS_CERT"])
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is not the client who refuses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.version()


def test_s4_09_the_demo_answers_over_tls(port, files):
    answer = requests.get(f"https://127.0.0.1:{port}/service", verify=files["TLS_CERT"], timeout=30)
    assert answer.status_code == 401
    assert answer.json() == {"msg": "Provided credentials are missing or invalid"}
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("version", "name"),
    [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")],
    ids=["1.2", "1.3"],
)
def test_s4_09_tls_1_2_and_later_are_spoken(port, files, version, name):
    assert shake_hands(port, files, version) == name


def test_s4_09_tls_1_1_is_refused_by_the_server(port, files):
    with pytest.raises(ssl.SSLError) as refused:
        shake_hands(port, files, ssl.TLSVersion.TLSv1_1)
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TLS_KEY": ""}, "TLS_CERT and TLS_KEY go together"),
        ({"HTTPS": "off"}, "HTTPS is off"),
        ({"TLS_KEY": "/none.pem"}, "TLS_CERT and TLS_KEY can't be used: No such file"),
        ({"TLS_KEY": "README.md"}, "TLS_CERT and TLS_KEY can't be used"),
    ],
    ids=["one", "off", "missing", "junk"],
)
def test_s4_09_what_cannot_be_served_is_said_in_one_line(folder, files, changed, said):
    done = subprocess.run(
        ["scripts/demo"],
        cwd=folder,
        env=surroundings(PORT=str(free_port()), HTTPS="on") | files | changed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    [line] = done.stderr.splitlines()
    assert said in line
