"""Every endpoint of Tools.FAST, FreeFileTools and FastPix with every scope and every carrier."""

from __future__ import annotations

import base64
from itertools import combinations

import pytest

from project.demo.fastpix.models import Media
from tests.systems import samples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

IMAGE = {
    "files": {"file": ("a.jpg", samples.image("jpg"))},
    "data": {"targetFormat": "png"},
}
MEDIA = {
    "json": {
        "inputs": [{"type": "video", "url": "https://example.org/a.mp4"}],
        "accessPolicy": "public",
    }
}
# Endpoint: what it needs to be sent, its answer when allowed, the scope that allows it (None: any
# key is good enough).
TABLE = {
    "tools-fast": {
        ("POST", "/convert"): (IMAGE, 200, "conversions:write"),
        ("GET", "/convert/conversions"): ({}, 200, "conversions:read"),
        ("HEAD", "/convert/conversions"): ({}, 200, "conversions:read"),
        ("GET", "/entitlements/me"): ({}, 200, None),
    },
    "freefiletools": {("POST", "/api/image-compress"): (IMAGE, 200, None)},
    "fastpix": {
        ("GET", "/on-demand"): ({}, 200, "media:read"),
        ("HEAD", "/on-demand"): ({}, 200, "media:read"),
        ("POST", "/on-demand"): (MEDIA, 201, "media:write"),
        ("GET", "/on-demand/{id}"): ({}, 200, "media:read"),
        ("PATCH", "/on-demand/{id}"): ({"json": {"metadata": {}}}, 200, "media:write"),
        ("DELETE", "/on-demand/{id}"): ({}, 200, "media:write"),
    },
}


def carriers(issued):
    """Return every way that a credential could travel to any of the systems."""
    pair = f"{issued.token.token_id}:{issued.secret}".encode()
    return {
        "X-Fast-Api-Key": {"X-Fast-Api-Key": issued.api_key},
        "X-API-Key": {"X-API-Key": issued.api_key},
        "Fastly-Key": {"Fastly-Key": issued.api_key},
        "Bearer": {"Authorization": f"Bearer {issued.api_key}"},
        "Basic": {"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
    }


CARRIER = {"tools-fast": "X-Fast-Api-Key", "freefiletools": "X-API-Key", "fastpix": "Basic"}


def some(scopes):
    """Every set of scopes, from none to all."""
    return [set(c) for size in range(len(scopes) + 1) for c in combinations(scopes, size)]


@pytest.mark.parametrize("dialect", TABLE)
def test_every_endpoint_obeys_the_declared_table(http, account, issue_for, dialect):
    organization = account(dialect)
    workspace = organization.workspaces.get(slug="production")
    available = sorted(workspace.speaks.available_scopes)
    mismatches = []
    for held in some(available):
        issued = issue_for(organization, scopes=sorted(held))
        for carrier, headers in carriers(issued).items():
            http.move()  # refusals are limited per address
            for (method, path), (parts, good, needed) in TABLE[dialect].items():
                media = Media.objects.create(workspace=workspace, inputs=[], access_policy="public")
                address = path.format(id=media.public_id)
                status = http.request(method, address, headers=headers, **parts).status_code
                if carrier != CARRIER[dialect]:
                    expected = 401
                else:
                    expected = good if needed is None or needed in held else 403
                if status != expected:
                    mismatches.append((held, carrier, method, path, status, expected))
    assert mismatches == []


@pytest.mark.parametrize("dialect", TABLE)
def test_a_key_of_another_system_is_refused_like_an_unknown_one(http, account, issue_for, dialect):
    own = issue_for(account(dialect))
    others = [
        issue_for(account(name), scopes=[])
        for name in ("tools-fast", "freefiletools", "fastpix", "fastcms", "fastly")
        if name != dialect
    ]
    (method, path), (parts, _, _) = next(iter(TABLE[dialect].items()))
    unknown = type(own)(own.token, own.secret[::-1], own.api_key[::-1])
    answers = {
        http.request(method, path, headers=carriers(key)[CARRIER[dialect]], **parts).content
        for key in (unknown, *others)
    }
    assert len(answers) == 1
    good = http.request(method, path, headers=carriers(own)[CARRIER[dialect]], **parts)
    assert good.status_code == 200
