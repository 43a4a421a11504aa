"""Usage and last use: counted in memory, written in one go, lost by nothing but a kill."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from apikeys.activity import counters, usage
from apikeys.activity.usage import Buffer, RefusalKey
from apikeys.models import AccessToken, RefusalCounter, UsageCounter

NOON = 1_893_499_200  # 2030-01-01 12:00 UTC
MINUTE, HOUR = 60, 3600


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def use(buffer, token, *, at=NOON, outcome="success", agent="curl", **fields):
    buffer.record(token.pk, outcome, **{"address": "192.0.2.1", **fields}, agent=agent, at=at)


def counted():
    rows = UsageCounter.objects.order_by("token", "started_at", "outcome")
    return [(r.token_id, r.started_at, r.outcome, r.count) for r in rows]


@pytest.fixture
def token(issue):
    return issue().token


def test_requests_are_counted_by_token_hour_and_outcome(issue):
    one, two = issue().token, issue().token
    buffer = Buffer()
    for at in (NOON, NOON + 1, NOON + HOUR - 1):
        use(buffer, one, at=at)
    use(buffer, one, at=NOON + HOUR)
    use(buffer, one, outcome="client_error")
    use(buffer, two)
    buffer.flush()
    assert counted() == [
        (one.pk, moment(NOON), "client_error", 1),
        (one.pk, moment(NOON), "success", 3),
        (one.pk, moment(NOON + HOUR), "success", 1),
        (two.pk, moment(NOON), "success", 1),
    ]


def test_counts_add_up_over_flushes_and_processes(token):
    mine, theirs = Buffer(), Buffer()
    for buffer in (mine, theirs, mine):
        for _ in range(4):
            use(buffer, token)
    theirs.flush()
    mine.flush()
    use(mine, token)
    mine.flush()
    assert counted() == [(token.pk, moment(NOON), "success", 13)]


def test_many_rows_fit_in_one_flush(token, monkeypatch, django_assert_num_queries):
    buffer = Buffer()
    for hour in range(1200):
        use(buffer, token, at=NOON - hour * HOUR)
    with django_assert_num_queries(3 + 1 + 2):  # inserts, last use, savepoint
        buffer.flush()
    assert UsageCounter.objects.count() == 1200


def test_refusals_are_counted_by_minute_address_reason_dialect_and_token(db):
    buffer = Buffer()
    for at in (NOON, NOON + 59, NOON + 60):
        buffer.refuse("token.unknown", dialect="default", address="192.0.2.1", at=at)
    buffer.refuse("token.expired", dialect="default", address="192.0.2.1", token_id="t", at=NOON)
    buffer.flush()
    rows = RefusalCounter.objects.order_by("minute", "reason")
    assert [(r.minute, r.reason, r.token_id, r.count) for r in rows] == [
        (moment(NOON), "token.expired", "t", 1),
        (moment(NOON), "token.unknown", "", 2),
        (moment(NOON + 60), "token.unknown", "", 1),
    ]


def test_the_last_use_says_when_from_where_and_with_what(token):
    buffer = Buffer()
    use(buffer, token, agent="first")
    use(buffer, token, at=NOON + 5, address="2001:db8::1", agent="x" * 300)
    buffer.flush()
    row = AccessToken.objects.get()
    assert (row.last_used_at, row.last_used_address) == (moment(NOON + 5), "2001:db8::1")
    assert row.last_used_agent == "x" * 255
    assert row.previous_last_used_at is None


def test_the_last_use_never_goes_back(token):
    late, early = Buffer(), Buffer()
    use(late, token, at=NOON + 3 * MINUTE, agent="late")
    late.flush()
    use(early, token, at=NOON, agent="early")
    early.flush()
    row = AccessToken.objects.get()
    assert (row.last_used_at, row.last_used_agent) == (moment(NOON + 3 * MINUTE), "late")
    assert sum(count for *_, count in counted()) == 2


def test_the_last_use_is_written_once_a_minute_and_at_the_end(token):
    buffer = Buffer()

    def last():
        return AccessToken.objects.get().last_used_at

    use(buffer, token, at=NOON + 1)
    buffer.flush()
    use(buffer, token, at=NOON + 30)
    buffer.flush()
    assert last() == moment(NOON + 1)
    buffer.flush()
    use(buffer, token, at=NOON + 61)
    buffer.flush()
    assert last() == moment(NOON + 61)
    use(buffer, token, at=NOON + 70)
    buffer.flush()
    assert last() == moment(NOON + 61)
    buffer.flush(final=True)
    assert last() == moment(NOON + 70)
    assert sum(count for *_, count in counted()) == 4


def test_the_use_of_a_previous_secret_is_told_apart_while_there_is_one(token):
    buffer = Buffer()
    use(buffer, token, previous=True)
    buffer.flush()
    assert AccessToken.objects.get().previous_last_used_at is None
    AccessToken.objects.update(previous_digest="x", previous_expires_at=moment(NOON + HOUR))
    use(buffer, token, at=NOON + MINUTE, previous=True)
    use(buffer, token, at=NOON + 2 * MINUTE)
    buffer.flush()
    row = AccessToken.objects.get()
    assert row.previous_last_used_at == moment(NOON + MINUTE)
    assert row.last_used_at == moment(NOON + 2 * MINUTE)


def test_a_rolled_back_request_stays_counted(token):
    buffer = Buffer()
    with transaction.atomic():
        use(buffer, token, outcome="server_error")
        buffer.refuse("token.expired", dialect="default", address="192.0.2.1", at=NOON)
        transaction.set_rollback(True)
    buffer.flush()
    assert counted() == [(token.pk, moment(NOON), "server_error", 1)]
    assert RefusalCounter.objects.get().count == 1


@pytest.mark.parametrize("failure", [OperationalError, InterfaceError, DatabaseError])
def test_a_failing_database_keeps_the_batch_and_is_logged_once_a_minute(
    token, monkeypatch, caplog, failure
):
    buffer = Buffer()
    now = [1000.0]
    monkeypatch.setattr(usage.time, "monotonic", lambda: now[0])

    def fail(*args):
        raise failure("secret detail")

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, logger="apikeys.usage"):
        broken.setattr(counters, "add_counts", fail)
        for seconds in (0, 30, 29, 1):
            now[0] += seconds
            use(buffer, token, at=NOON + seconds)
            buffer.refuse("token.unknown", dialect="d", address="a", at=NOON)
            buffer.flush()
    assert [record.message for record in caplog.records] == [
        f"usage not written, kept for the next flush: {failure.__name__}"
    ] * 2
    use(buffer, token, at=NOON + 2)
    buffer.flush()
    assert counted() == [(token.pk, moment(NOON), "success", 5)]
    assert RefusalCounter.objects.get().count == 4
    assert AccessToken.objects.get().last_used_at == moment(NOON + 2)


def test_half_a_batch_is_none(token, monkeypatch):
    buffer = Buffer()
    use(buffer, token)
    with monkeypatch.context() as broken:
        broken.setattr(
            counters, "write_last_use", lambda *_: (_ for _ in ()).throw(DatabaseError())
        )
        buffer.flush()
    assert counted() == []
    buffer.flush()
    assert counted() == [(token.pk, moment(NOON), "success", 1)]
    assert AccessToken.objects.get().last_used_at == moment(NOON)


@pytest.mark.django_db(transaction=True)
def test_a_token_that_was_deleted_by_sql_holds_up_no_other(issue, caplog):
    kept, gone = issue().token, issue().token
    buffer = Buffer()
    use(buffer, kept)
    use(buffer, gone)
    buffer.refuse("token.unknown", dialect="d", address="a", at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM apikeys_accesstoken WHERE id = %s", [gone.pk])
    buffer.flush()
    assert counted() == [(kept.pk, moment(NOON), "success", 1)]
    assert RefusalCounter.objects.get().count == 1
    assert not caplog.records
    assert not buffer._batch


def test_text_that_a_database_refuses_holds_up_nothing(token):
    buffer = Buffer()
    use(buffer, token, agent="a\x00b")
    use(buffer, token, at=NOON + 1, agent="c\x00", address=None)
    buffer.flush()
    row = AccessToken.objects.get()
    assert (row.last_used_agent, row.last_used_address) == ("c", None)
    assert counted() == [(token.pk, moment(NOON), "success", 2)]


def test_the_buffer_is_bounded_by_distinct_keys_and_says_what_it_dropped(
    token, monkeypatch, caplog
):
    monkeypatch.setattr(usage, "LARGEST_BUFFER", 3)
    buffer = Buffer()
    for number in range(5):
        use(buffer, token, at=NOON + number * HOUR)
        buffer.refuse("token.unknown", dialect="d", address=str(number), at=NOON)
    use(buffer, token)
    buffer.refuse("token.unknown", dialect="d", address="0", at=NOON)
    assert buffer._batch.refusals[RefusalKey(NOON, "0", "token.unknown", "d", "")] == 2
    buffer.flush()
    assert [record.message for record in caplog.records] == ["usage buffer full dropped=4"]
    assert [count for *_, count in counted()] == [2, 1, 1]
    assert RefusalCounter.objects.count() == 3
    caplog.clear()
    buffer.flush()
    assert not caplog.records


def test_an_outage_keeps_no_more_than_the_buffer_holds(token, monkeypatch):
    monkeypatch.setattr(usage, "LARGEST_BUFFER", 3)
    buffer = Buffer()

    def refuse(batch):
        # While the database hangs, strangers go on with new addresses.
        for number in range(3):
            buffer.refuse("token.unknown", dialect="d", address=f"later {number}", at=NOON)
            use(buffer, token, at=NOON + (number + 1) * HOUR)
        raise OperationalError("gone")

    for number in range(3):
        buffer.refuse("token.unknown", dialect="d", address=str(number), at=NOON)
        use(buffer, token, at=NOON)
    with monkeypatch.context() as broken:
        broken.setattr(buffer, "_write", refuse)
        buffer.flush()
    assert (len(buffer._batch.refusals), len(buffer._batch.uses)) == (3, 3)
    assert buffer._batch.dropped == 6
    buffer.flush()
    assert RefusalCounter.objects.count() == 3


def test_what_is_remembered_of_written_minutes_is_bounded(issue, monkeypatch):
    monkeypatch.setattr(usage, "LARGEST_BUFFER", 2)
    buffer = Buffer()
    for number in range(3):
        use(buffer, issue().token, at=NOON)
        buffer.flush()
        assert len(buffer._last_written) == (number + 1) % 3


def test_nothing_buffered_is_no_query(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        Buffer().flush()
        usage.flush()


def test_module_functions_use_the_buffer_of_the_process(token):
    usage.record(token.pk, "success", address=None, agent="", at=NOON)
    usage.refuse("token.unknown", dialect="d", address="a", at=NOON)
    usage.flush()
    assert counted() == [(token.pk, moment(NOON), "success", 1)]
    assert RefusalCounter.objects.get().reason == "token.unknown"


# The thread


class Started(list):
    """Stands for `threading.Thread` and remembers the threads that were started."""

    def __call__(self, **fields):
        return type("Thread", (), {"start": lambda thread: self.append(fields)})()


def test_no_thread_starts_under_tests(token, monkeypatch):
    started = Started()
    monkeypatch.setattr(usage.threading, "Thread", started)
    buffer = Buffer()
    use(buffer, token)
    assert (started, buffer._thread) == ([], None)


def test_one_daemon_thread_starts_with_the_first_entry(token, monkeypatch):
    started = Started()
    monkeypatch.setattr(usage.threading, "Thread", started)
    monkeypatch.delattr(mail, "outbox")
    buffer = Buffer()
    assert started == []
    use(buffer, token)
    buffer.refuse("token.unknown", dialect="d", address="a")
    use(buffer, token)
    assert [(fields["name"], fields["daemon"]) for fields in started] == [("apikeys-usage", True)]


def test_the_thread_outlives_any_error_and_keeps_no_connection(monkeypatch, caplog):
    buffer = Buffer()
    closed = []

    class Stop(BaseException):
        """Ends the endless loop."""

    naps = iter([None, None])

    def sleep(seconds):
        assert seconds == 10.0
        if next(naps, Stop) is Stop:
            raise Stop

    def flush():
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(usage.time, "sleep", sleep)
    monkeypatch.setattr(buffer, "flush", flush)
    monkeypatch.setattr(usage.connections, "close_all", lambda: closed.append(1))
    with pytest.raises(Stop):
        buffer._run()
    assert [record.message for record in caplog.records] == ["usage flush failed"] * 2
    assert len(closed) == 2


def test_threads_lose_no_count(token):
    buffer = Buffer()

    def work():
        for _ in range(500):
            use(buffer, token)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.flush()
    assert counted() == [(token.pk, moment(NOON), "success", 4000)]
