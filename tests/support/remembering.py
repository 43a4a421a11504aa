"""Present a token to the cached mode of this process, past HTTP."""

from __future__ import annotations

import pytest

from apikeys import dialects
from apikeys.credentials.carriers import Bearer
from apikeys.credentials.keys import Credential
from apikeys.models import stores
from apikeys.refusals import Refusal
from apikeys.restrictions import Facts
from apikeys.verification import memory
from apikeys.verification.verify import admit, prove

HERE = Facts(address="192.0.2.1", secure=True, foreign_origin=False)


def present(issued, *, secret=None, facts=HERE):
    credential = Credential(issued.token.token_id, secret or issued.secret, "ak_prod")
    proven = memory.prove(
        (Bearer(), b""),
        "_".join(credential).encode(),
        (dialects.get("default"), False, stores.current()),
        lambda carried: prove(credential, dialects=("default",)),
    )
    return admit(proven, facts)


def refused(issued, **kwargs):
    with pytest.raises(Refusal) as caught:
        present(issued, **kwargs)
    return caught.value.reason
