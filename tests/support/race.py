"""Several callers at the same moment, each on a thread and a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def race(*works: Callable[[], Any]) -> list[Any]:
    """Run all at once; return what each answered or raised, in their order."""
    barrier = threading.Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            answers[number] = work()
        except Exception as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return answers
