"""Where rows lie, asked anew by every request: any code may name a schema, and at any time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from apikeys.models import stores
from apikeys.models.stores import DEFAULT, Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def named() -> Any:
    """Name a schema on this thread's connection, as a host's own middleware does."""

    def name(schema: str | None) -> None:
        connection.schema_name = schema  # type: ignore[attr-defined]

    yield name
    vars(connections["default"]).pop("schema_name", None)


def test_a_schema_that_is_named_after_the_first_request_is_seen(named: Any) -> None:
    assert stores.current() == DEFAULT
    named("ta")
    assert stores.current() == Store("default", "ta")
    named("tb")
    assert stores.current() == Store("default", "tb")


@pytest.mark.parametrize("nothing", ["", None])
def test_a_schema_that_is_named_no_more_is_none(named: Any, nothing: Any) -> None:
    named("ta")
    assert stores.current() == Store("default", "ta")
    named(nothing)
    assert stores.current() == DEFAULT


def test_another_thread_s_schema_is_its_own(named: Any) -> None:
    named("ta")
    found = []

    def look() -> None:
        found.append(stores.current())
        connections["default"].schema_name = "tb"  # type: ignore[attr-defined]
        found.append(stores.current())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [DEFAULT, Store("default", "tb")]
    assert stores.current() == Store("default", "ta")


def test_tasks_of_one_thread_are_told_apart() -> None:
    async def look(schema: str) -> Store:
        stores.current()
        connections["default"].schema_name = schema  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return stores.current()

    async def both() -> list[Store]:
        return await asyncio.gather(look("ta"), look("tb"))

    # In a thread of its own: browser tests leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asyncio.run, both()).result()
        assert found == [Store("default", "ta"), Store("default", "tb")]
        assert thread.submit(stores.current).result() == DEFAULT
