"""AES-SIV tokens, against the steps of RFC 5297 written out."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.reversible import open_value, seal_value
from assay.seal.tokens import TokenKey

KEY, OTHER = TokenKey(bytes(range(32))), TokenKey(bytes(range(1, 33)))
ANY_TEXT = st.text(st.characters(), max_size=40)


def cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def doubled(block):
    number = int.from_bytes(block, "big") << 1
    return ((number & (2**128 - 1)) ^ (0x87 if number >> 128 else 0)).to_bytes(16, "big")


def xor(one, two):
    return bytes(a ^ b for a, b in zip(one, two, strict=True))


def rfc5297(key, plain, *associated):
    """S2V and CTR of RFC 5297, sections 2.4 and 2.6."""
    mac_key, counter_key = key[:32], key[32:]
    state = cmac(mac_key, bytes(16))
    for data in associated:
        state = xor(doubled(state), cmac(mac_key, data))
    if len(plain) >= 16:
        last = plain[:-16] + xor(plain[-16:], state)
    else:
        last = xor(doubled(state), plain + b"\x80" + bytes(15 - len(plain)))
    iv = cmac(mac_key, last)
    start = (int.from_bytes(iv, "big") & ~(1 << 63) & ~(1 << 31)).to_bytes(16, "big")
    return iv + Cipher(algorithms.AES(counter_key), modes.CTR(start)).encryptor().update(plain)


@pytest.mark.parametrize("value", ["", "Ada", "a value of more than sixteen bytes"])
def test_a_token_is_aes_siv_of_the_value(value):
    key_id, _, text = seal_value(value, field="name", key=KEY).partition(".")
    derived = KEY.derive("reversible token (AES-SIV)", size=64)
    expected = rfc5297(derived, b"\x01" + value.encode(), b"assay reversible token 1", b"name")
    assert key_id == KEY.id
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == expected


@given(value=ANY_TEXT, field=ANY_TEXT)
def test_equal_values_join_and_are_read_again(value, field):
    token = seal_value(value, field=field, key=KEY)
    assert token == seal_value(value, field=field, key=KEY)
    assert open_value(token, field=field, keys=[OTHER, KEY]) == value


def test_fields_and_keys_have_other_tokens():
    tokens = {seal_value("x", field=field, key=key).split(".")[1] for field in ("a", "b") for key in (KEY, OTHER)}
    assert len(tokens) == 4


def test_every_changed_or_cut_token_is_refused():
    token = seal_value("Ada Lovelace", field="name", key=KEY)
    start = len(KEY.id) + 1
    wrong = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(start, len(token))]
    wrong += [token[:at] for at in range(start, len(token))] + [token + "!", token + "é", KEY.id]
    wrong += [token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if last != token[-1]]
    for text in wrong:
        with pytest.raises(AssayError, match="was changed, is cut off, or belongs to another field"):
            open_value(text, field="name", keys=[KEY])
    with pytest.raises(AssayError, match="another field"):
        open_value(token, field="email", keys=[KEY])
    with pytest.raises(AssayError, match=f"Known: {OTHER.id}"):
        open_value(token, field="name", keys=[OTHER])


def test_purposes_have_unrelated_keys():
    keys = {KEY.derive(purpose, size=64) for purpose in ("a", "b", "")} | {OTHER.derive("a", size=64)}
    assert len(keys) == 4
    assert KEY.derive("a", size=64)[:32] == KEY.derive("a")
