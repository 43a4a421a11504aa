"""The vendors' own published Python clients, as they come from the package index."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from apikeys.models import AccessToken
from apikeys.services.tokens import revoke_token

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.project,
    pytest.mark.slow,
    pytest.mark.once,
]

PASSWORD = "correct horse battery staple"


@pytest.fixture
def fastly_client(server) -> Iterator[Callable[..., Any]]:
    """Make an API client of Fastly's package, for this server."""
    fastly = pytest.importorskip("fastly")
    opened = []

    def make(**credentials: Any) -> Any:
        configuration = fastly.Configuration(host=server.url, **credentials)
        opened.append(fastly.ApiClient(configuration))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def fastly_token(account, issue_for) -> Any:
    organization = account("fastly")
    owner = get_user_model()._default_manager.get_by_natural_key("fastly@example.org")
    return issue_for(organization, scopes=["global"], kind="personal", owner=owner)


def test_s4_fastlys_client_manages_services_and_purges_them(fastly_client, fastly_token):
    from fastly.api import public_ip_list_api, purge_api, service_api

    client = fastly_client(api_key={"token": fastly_token.api_key})
    services = service_api.ServiceApi(client)
    made = services.create_service(name="www", comment="Our site", type="vcl")
    assert (made.name, made.comment, made.type) == ("www", "Our site", "vcl")
    assert isinstance(made.created_at, datetime.datetime)
    [listed] = services.list_services()
    assert (listed.id, listed.version, listed.versions[0].number) == (made.id, 1, 1)
    assert services.get_service(service_id=made.id).customer_id == "fastly"
    changed = services.update_service(service_id=made.id, comment="new")
    assert (changed.name, changed.comment) == ("www", "new")
    purges = purge_api.PurgeApi(client)
    assert purges.purge_tag(service_id=made.id, surrogate_key="images").status == "ok"
    assert purges.purge_all(service_id=made.id).status == "ok"
    url = "https://www.example.com/a/b.png?v=1"
    assert purges.purge_single_url(cached_url=url).status == "ok"
    addresses = public_ip_list_api.PublicIpListApi(client).list_fastly_ips()
    assert addresses.addresses
    assert services.delete_service(service_id=made.id).status == "ok"
    assert services.list_services() == []


def test_s4_fastlys_client_makes_reads_and_revokes_tokens(fastly_client, fastly_token):
    from fastly.api import tokens_api
    from fastly.exceptions import NotFoundException, UnauthorizedException

    client = fastly_client(
        api_key={"token": fastly_token.api_key}, username="fastly@example.org", password=PASSWORD
    )
    tokens = tokens_api.TokensApi(client)
    made = tokens.create_token()
    assert (made.scope, made.services) == ("global:read", [])
    assert {token.id for token in tokens.list_tokens_user()} == {
        made.id,
        fastly_token.token.token_id,
    }
    assert tokens.get_token(token_id=made.id).name == "API token"
    assert tokens.get_token_current().id == fastly_token.token.token_id
    own = tokens_api.TokensApi(fastly_client(api_key={"token": made.access_token}))
    assert own.get_token_current().user_id == made.user_id
    tokens.revoke_token(token_id=made.id)
    with pytest.raises(UnauthorizedException):
        own.get_token_current()
    with pytest.raises(NotFoundException):
        tokens.get_token(token_id=made.id)
    several = [tokens.create_token().id for _ in range(2)]
    body = {"data": [{"id": one, "type": "token"} for one in several]}
    tokens.bulk_revoke_tokens(request_body=body)
    assert AccessToken.objects.filter(token_id__in=several, revoked_at__isnull=False).count() == 2
    tokens.revoke_token_current()
    with pytest.raises(UnauthorizedException):
        tokens.get_token_current()


def test_s4_fastlys_client_sees_errors_as_such(fastly_client, fastly_token, issue_for, actor):
    from fastly.api import service_api
    from fastly.exceptions import ForbiddenException, UnauthorizedException

    organization = fastly_token.token.organization
    reader = issue_for(organization, scopes=["global:read"])
    services = service_api.ServiceApi(fastly_client(api_key={"token": reader.api_key}))
    assert services.list_services() == []
    with pytest.raises(ForbiddenException) as forbidden:
        services.create_service(name="www")
    assert "global" in forbidden.value.body
    revoke_token(actor=actor, token=reader.token)
    with pytest.raises(UnauthorizedException):
        services.list_services()


@pytest.fixture
def fastpix_client(server) -> Callable[..., Any]:
    """Make a client of FastPix's package, for this server."""
    fastpix = pytest.importorskip("fastpix_python")

    def make(issued: Any) -> Any:
        security = fastpix.models.Security(username=issued.token.token_id, password=issued.secret)
        return fastpix.Fastpix(security=security, server_url=server.url)

    return make


def test_s2_fastpixs_client_makes_lists_reads_changes_and_deletes_media(
    fastpix_client, account, issue_for
):
    issued = issue_for(account("fastpix"))
    with fastpix_client(issued) as client:
        made = client.input_video.create_media(
            inputs=[{"type": "video", "url": "https://static.example.com/sample.mp4"}],
            access_policy="public",
            metadata={"key1": "value1"},
        )
        assert made.success
        media_id = made.data.id
        listed = client.manage_videos.list_media(limit=10, offset=1, order_by="desc")
        assert [media.id for media in listed.data] == [media_id]
        assert listed.pagination.total_records == 1
        assert client.manage_videos.get_media(media_id=media_id).data.id == media_id
        changed = client.manage_videos.updated_media(media_id=media_id, metadata={"key1": "value2"})
        assert changed.success
        assert client.manage_videos.delete_media(media_id=media_id).success
        assert client.manage_videos.list_media().data == []


def test_s2_fastpixs_client_sees_a_missing_permission_and_a_revoked_token(
    fastpix_client, account, issue_for, actor
):
    from fastpix_python.errors.fastpixerror import FastpixError

    issued = issue_for(account("fastpix"), scopes=["media:read"])
    with fastpix_client(issued) as client:
        assert client.manage_videos.list_media().data == []
        with pytest.raises(FastpixError) as forbidden:
            client.input_video.create_media(
                inputs=[{"type": "video", "url": "https://static.example.com/sample.mp4"}],
                access_policy="public",
            )
        assert forbidden.value.status_code == 403
        revoke_token(actor=actor, token=issued.token)
        with pytest.raises(FastpixError) as refused:
            client.manage_videos.list_media()
        assert refused.value.status_code == 401
