"""The filters that keep a log readable under attack."""

from __future__ import annotations

import io
import logging
import logging.config

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import DisallowedHost

from apikeys import logs


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(logs.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def lines():
    """Return a logger and what its handler wrote."""
    logger = logging.getLogger("tests.logs")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.FewOfAKind(most=2))
    handler.addFilter(logs.NoTraceOfStrangers())
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)
    logger.propagate = True


def test_a_kind_has_so_many_lines_a_minute_and_then_a_number(lines, clock):
    logger, written = lines
    for number in range(5):
        logger.warning("refused path=%s", number)
    assert written() == ["refused path=0", "refused path=1"]
    clock.now += logs.WINDOW_SECONDS
    logger.warning("refused path=%s", 5)
    logger.warning("refused path=%s", 6)
    assert written()[2:] == ["refused path=5 left_out=3", "refused path=6"]


def test_a_flood_of_one_kind_hides_no_other(lines, clock):
    logger, written = lines
    for _ in range(9):
        logger.warning("refused reason=%s", "unknown", extra={"kind": "refused unknown"})
    logger.warning("refused reason=%s", "expired", extra={"kind": "refused expired"})
    logger.error("fault")
    assert written()[2:] == ["refused reason=expired", "fault"]


def test_a_quiet_minute_says_nothing_of_the_one_before(lines, clock):
    logger, written = lines
    logger.warning("seldom")
    clock.now += logs.WINDOW_SECONDS
    logger.warning("seldom")
    assert written() == ["seldom", "seldom"]


def test_texts_without_end_do_not_fill_the_memory(lines, clock):
    logger, _ = lines
    [few] = [f for f in logger.handlers[0].filters if isinstance(f, logs.FewOfAKind)]
    for number in range(logs.LARGEST_TABLE + 5):
        logger.warning(f"made-up {number}")
    assert len(few._counts) == 5


@pytest.fixture
def console():
    """Return what the project's own handler would write, for a record."""
    config = logging.config.DictConfigurator(django_settings.LOGGING)
    filters = [
        config.configure_filter(config.config["filters"][name])
        for name in config.config["handlers"]["console"]["filters"]
    ]
    formatter = config.configure_formatter(config.config["formatters"]["line"])

    def write(record):
        return formatter.format(record) if all(f.filter(record) for f in filters) else ""

    return write


def record_of(name, error):
    info = (type(error), error, error.__traceback__)
    return logging.LogRecord(name, logging.ERROR, "x.py", 1, "Invalid host", None, info)


def test_the_project_logs_a_made_up_host_in_one_line(console):
    line = console(record_of("django.security.DisallowedHost", DisallowedHost("evil")))
    assert line.endswith("django.security.DisallowedHost: Invalid host")
    assert "DisallowedHost: evil" in console(record_of("django.request", DisallowedHost("evil")))


def test_the_project_logs_a_refused_request_once(settings):
    assert settings.LOGGING["loggers"]["django.request"]["level"] == "ERROR"
