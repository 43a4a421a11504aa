"""The same tests twice: in this process, and over HTTP against a real gunicorn.

Tests that move the clock, count queries or need something else of this process ask for the fixture
`in_process`, or one of those in `IN_PROCESS`, and run once; so do tests with parameters of their
own, because emptying the database after each request-through-a-server takes its time.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIRequestFactory

from tests.conftest import SecureAPIClient
from tests.systems.conftest import Http

IN_PROCESS = {"in_process", "time_machine", "django_assert_num_queries", "settings"}
SERVER = pytest.param(
    "server",
    marks=[pytest.mark.slow, pytest.mark.once, pytest.mark.django_db(transaction=True)],
    id="server",
)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Call from `pytest_generate_tests`."""
    names = set(metafunc.fixturenames)
    own = any(metafunc.definition.iter_markers("parametrize"))
    if "transport" in names and not own and not IN_PROCESS & names:
        metafunc.parametrize("transport", ["in-process", SERVER], indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "in-process")


@pytest.fixture
def in_process() -> None:
    """The test looks into this process."""


@pytest.fixture
def api(request: pytest.FixtureRequest, transport: str) -> Any:
    if transport == "in-process":
        return SecureAPIClient()
    return OverHttp(request.getfixturevalue("http"))


class Answer:
    """A response as the tests read it, wherever it came from."""

    def __init__(self, response: Any) -> None:
        self.status_code: int = response.status_code
        self.content: bytes = response.content
        self.headers = response.headers

    def json(self) -> Any:
        return json.loads(self.content)

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.headers


class OverHttp:
    """Sends what DRF's test client would have sent."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.encoder = APIRequestFactory()

    def _send(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        format: str | None = None,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        body, kind = b"", ""
        if data is not None:
            body, kind = self.encoder._encode_data(data, format, content_type)
        sent = {"Content-Type": kind} if kind else {}
        return Answer(
            self.http.request(method, path, data=body, headers={**sent, **(headers or {})})
        )

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self._send("GET", path, **kwargs)

    def head(self, path: str, **kwargs: Any) -> Answer:
        return self._send("HEAD", path, **kwargs)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> Answer:
        return self._send("POST", path, data, **kwargs)

    def put(self, path: str, data: Any = None, **kwargs: Any) -> Answer:
        return self._send("PUT", path, data, **kwargs)

    def patch(self, path: str, data: Any = None, **kwargs: Any) -> Answer:
        return self._send("PATCH", path, data, **kwargs)

    def delete(self, path: str, data: Any = None, **kwargs: Any) -> Answer:
        return self._send("DELETE", path, data, **kwargs)
