"""Present a token to the cached mode of this process, past HTTP."""

from __future__ import annotations

import pytest

from apikeys import dialects
from apikeys.credentials.carriers import Bearer
from apikeys.credentials.keys import Credential
from apikeys.models import stores
from apikeys.refusals import Refusal
from apikeys.restrictions import Facts
from apikeys.verification import epochs, memory
from apikeys.verification.verify import admit, prove

HERE = Facts(address="192.0.2.1", secure=True, foreign_origin=False)


def present(issued, *, secret=None, facts=HERE):
    credential = Credential(issued.token.token_id, secret or issued.secret, "ak_prod")
    return admit(remembered(credential), facts)


def remembered(credential):
    """Return what proves a credential, as the path of a request asks for it."""
    mark = "_".join(credential).encode()
    key = (mark, Bearer().label, dialects.get("default"), False, stores.current())
    epoch = epochs.current()
    if epoch is None:
        return prove(credential, dialects=("default",))
    return memory.prove(epoch, key, lambda: prove(credential, dialects=("default",)))


def refused(issued, **kwargs):
    with pytest.raises(Refusal) as caught:
        present(issued, **kwargs)
    return caught.value.reason
