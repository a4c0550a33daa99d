"""Keyed tokens: joinable, not guessable."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.tokens import TokenKey, tokenize, verify_token

KEY, OTHER = TokenKey(bytes(range(32))), TokenKey(bytes(range(1, 33)))
ANY_TEXT = st.text(st.characters(), max_size=30)


def test_a_token_is_the_hmac_of_the_framed_parts():
    framed = b"".join(len(p).to_bytes(8, "big") + p for p in (b"assay token 1", b"email", "zoë@example.org".encode()))
    expected = hmac.new(bytes(range(32)), framed, hashlib.sha256).hexdigest()
    assert tokenize("zoë@example.org", field="email", key=KEY) == f"{KEY.id}.{expected}"


@given(value=ANY_TEXT, field=ANY_TEXT)
def test_equal_values_join_and_verify(value, field):
    token = tokenize(value, field=field, key=KEY)
    assert token == tokenize(value, field=field, key=KEY)
    assert verify_token(token, value, field=field, keys=[OTHER, KEY])


@given(one=st.tuples(ANY_TEXT, ANY_TEXT), two=st.tuples(ANY_TEXT, ANY_TEXT))
def test_other_values_and_other_fields_have_other_tokens(one, two):
    tokens = [tokenize(value, field=field, key=KEY) for value, field in (one, two)]
    assert (tokens[0] == tokens[1]) == (one == two)
    assert verify_token(tokens[0], two[0], field=two[1], keys=[KEY]) == (one == two)


def test_where_field_ends_and_value_begins_cannot_be_shifted():
    assert tokenize("bc", field="a", key=KEY) != tokenize("c", field="ab", key=KEY)


def test_another_key_has_other_tokens():
    assert tokenize("x", field="f", key=KEY).split(".")[1] != tokenize("x", field="f", key=OTHER).split(".")[1]
    with pytest.raises(AssayError, match=f"Known: {OTHER.id}"):
        verify_token(tokenize("x", field="f", key=KEY), "x", field="f", keys=[OTHER])


def test_a_cut_or_padded_token_does_not_verify():
    token = tokenize("x", field="f", key=KEY)
    for wrong in (token[:-1], token + "0", f"{KEY.id}.", f"{KEY.id}.é"):
        assert not verify_token(wrong, "x", field="f", keys=[KEY])


def test_a_key_is_of_256_bits_and_does_not_show_itself():
    with pytest.raises(AssayError, match="32 bytes, not 5"):
        TokenKey(b"short")
    assert repr(KEY) == f"TokenKey({KEY.id})"
    assert TokenKey.generate().id != TokenKey.generate().id
