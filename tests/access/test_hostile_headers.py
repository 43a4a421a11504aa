"""Whatever the credential headers hold: a 4xx, never a 5xx, and a query for nothing but a key."""

from __future__ import annotations

import base64

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from apikeys.credentials import keys
from tests.support.apis import Protected

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_in_memory")]

PROTECTED = Protected.as_view()
TOKEN_ID = "0123456789abcdef"
SECRET = keys.KeyShape().new_secret(TOKEN_ID)
GENEROUS = hypothesis(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

anything = st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1"))
schemes = st.sampled_from(["Basic", "bearer", "BASIC", "Digest", "", "Basic\t", "Bearer,Basic"])
encoded = st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode())
pairs = st.tuples(anything, anything).map(
    lambda two: base64.b64encode(":".join(two).encode("utf-8", "replace")).decode()
)
near = st.tuples(
    st.sampled_from(["ak_prod", "ak_dev", "ak", "", "ak_prod_", "fcms"]),
    st.from_regex(r"[0-9A-Za-z]{15,17}", fullmatch=True),
    st.from_regex(r"[0-9A-Za-z]{48,50}", fullmatch=True),
).map("_".join)
authorization = st.tuples(schemes, anything | encoded | pairs | near).map(" ".join) | anything
headers = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_AUTHORIZATION": authorization,
        "HTTP_X_API_KEY": anything | near,
        "HTTP_ORIGIN": anything,
        "HTTP_X_FORWARDED_FOR": anything,
        "HTTP_SEC_FETCH_SITE": anything,
    },
)


def answer(**meta) -> int:
    request = RequestFactory().get("/protected", secure=True, **meta)
    return PROTECTED(request).status_code


@GENEROUS
@given(meta=headers)
@example(meta={"HTTP_AUTHORIZATION": "Basic " + "A" * 100_000})
@example(meta={"HTTP_AUTHORIZATION": "\x00"})
@example(meta={"HTTP_AUTHORIZATION": "Basic \ud800"})
@example(meta={"HTTP_X_API_KEY": "\x00" * 66, "HTTP_AUTHORIZATION": "Basic =="})
def test_no_header_is_a_fault_and_none_costs_a_query(meta, django_assert_num_queries):
    with django_assert_num_queries(0):
        # The limiter of failures turns some of these into 429, as it should.
        assert answer(**meta) in (400, 401, 429)


@GENEROUS
@given(
    position=st.integers(0, 73),
    character=st.characters(max_codepoint=255) | st.sampled_from("\x00_:,🔑"),
)
def test_one_wrong_character_is_refused_without_a_query(
    position, character, django_assert_num_queries
):
    key = keys.api_key("ak_prod", TOKEN_ID, SECRET)
    pair = f"{TOKEN_ID}:{SECRET}"
    damaged, damaged_pair = (t[:position] + character + t[position + 1 :] for t in (key, pair))
    with django_assert_num_queries(0):
        if damaged != key:
            assert answer(HTTP_X_API_KEY=damaged) in (400, 401, 429)
            assert answer(HTTP_AUTHORIZATION=f"Bearer {damaged}") in (400, 401, 429)
        if damaged_pair != pair:
            basic = base64.b64encode(damaged_pair.encode()).decode()
            assert answer(HTTP_AUTHORIZATION=f"Basic {basic}") in (400, 401, 429)


@pytest.mark.parametrize("size", [100_000, 1_000_000, 10_000_000])
def test_a_header_of_any_length_is_refused_at_once(size, django_assert_num_queries):
    for meta in (
        {"HTTP_X_API_KEY": "a" * size},
        {"HTTP_AUTHORIZATION": "Bearer " + "_" * size},
        {"HTTP_AUTHORIZATION": "Basic " + "A" * size},
    ):
        with django_assert_num_queries(0):
            assert answer(**meta) == 401
