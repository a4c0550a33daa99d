"""Keys of a source chosen by id, and token keys derived from them."""

import pytest

from assay.core.errors import AssayError
from assay.seal.envelopes import decrypt, encrypt
from assay.seal.key_sources import LocalKeys
from assay.seal.tokens import TokenKey

NEW, OLD = bytes(range(32)), bytes(range(1, 33))
BOTH = LocalKeys([NEW, OLD])


def test_the_first_chosen_key_is_current():
    new, old = BOTH.ids
    assert BOTH.current == new
    assert BOTH.chosen(old, new, old).ids == (old, new)
    sealed = encrypt(b"x", record_id="r", keys=BOTH.chosen(old))
    assert decrypt(sealed, record_id="r", keys=LocalKeys([OLD])) == b"x"
    with pytest.raises(AssayError, match=f"Known: {min(BOTH.ids)}"):
        BOTH.chosen("kek:none")


def test_a_token_key_is_not_the_key_itself():
    one, two = BOTH.token_keys()
    assert one.id not in {two.id, TokenKey(NEW).id}
    assert one.code("v", "f") != TokenKey(NEW).code("v", "f")
    assert [key.id for key in LocalKeys([NEW, OLD]).token_keys()] == [one.id, two.id]
