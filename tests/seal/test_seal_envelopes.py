"""Envelope encryption: nothing changed goes unseen, rotation leaves bodies, keys come from three places."""

import base64
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.envelopes import Sealed, decrypt, encrypt, rewrap
from assay.seal.key_sources import LocalKeys, WrappedKey, create_key_file, new_key

KEYS = LocalKeys([bytes(range(32))])


@given(plaintext=st.binary(max_size=200), record_id=st.text(max_size=20))
def test_what_is_sealed_comes_back(plaintext, record_id):
    sealed = Sealed.from_bytes(encrypt(plaintext, record_id=record_id, keys=KEYS).to_bytes())
    assert decrypt(sealed, record_id=record_id, keys=KEYS) == plaintext
    assert len(sealed.body) == len(plaintext) + 28


@given(where=st.integers(0, 10**6), bit=st.integers(0, 7), plaintext=st.binary(max_size=60))
def test_any_flipped_bit_is_found(where, bit, plaintext):
    data = encrypt(plaintext, record_id="r1", keys=KEYS).to_bytes()
    at = where % len(data)
    changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
    with pytest.raises(AssayError):
        decrypt(Sealed.from_bytes(changed), record_id="r1", keys=KEYS)


def test_every_single_byte_and_every_cut_is_found():
    data = encrypt(b"a record", record_id="r1", keys=KEYS).to_bytes()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        for broken in (changed, data[:at], data[:at] + data[at + 1 :]):
            with pytest.raises(AssayError):
                decrypt(Sealed.from_bytes(broken), record_id="r1", keys=KEYS)
    with pytest.raises(AssayError, match="was changed"):
        decrypt(Sealed.from_bytes(data + b"\0"), record_id="r1", keys=KEYS)


def test_a_record_cannot_pass_for_another():
    one, two = (encrypt(b"same", record_id=name, keys=KEYS) for name in ("one", "two"))
    with pytest.raises(AssayError, match="another record id"):
        decrypt(one, record_id="two", keys=KEYS)
    with pytest.raises(AssayError, match="another record id"):
        decrypt(Sealed(two.wrapped, one.body), record_id="one", keys=KEYS)


def test_equal_records_look_different():
    one, two = (encrypt(b"same", record_id="r", keys=KEYS) for _ in range(2))
    assert one.body != two.body
    assert one.wrapped.data != two.wrapped.data


def test_rotation_rewrites_the_wrap_and_leaves_the_body():
    old, new = bytes([1]) * 32, bytes([2]) * 32
    sealed = encrypt(b"a record", record_id="r", keys=LocalKeys([old]))
    both = LocalKeys([new, old])
    rotated = rewrap(sealed, keys=both)
    assert rotated.body == sealed.body
    assert rotated.wrapped.key_id == both.current != sealed.wrapped.key_id
    assert decrypt(rotated, record_id="r", keys=LocalKeys([new])) == b"a record"
    with pytest.raises(AssayError, match="which is not here"):
        decrypt(sealed, record_id="r", keys=LocalKeys([new]))
    with pytest.raises(AssayError, match="which is not here"):
        decrypt(rotated, record_id="r", keys=LocalKeys([old]))


def test_keys_are_wrapped_as_rfc_3394_section_4_6():
    kek = bytes(range(32))
    data_key = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = LocalKeys([kek]).wrap(data_key)
    assert wrapped.data.hex().upper() == (
        "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    )
    assert LocalKeys([kek]).unwrap(wrapped) == data_key


def test_a_hook_keeps_its_keys_to_itself():
    class KeyService:
        current = "service/1"

        def __init__(self):
            self.held = {}

        def wrap(self, data_key):
            handle = len(self.held).to_bytes(4, "big")
            self.held[handle] = data_key
            return WrappedKey(self.current, handle)

        def unwrap(self, wrapped):
            return self.held[wrapped.data]

    service = KeyService()
    sealed = Sealed.from_bytes(encrypt(b"x", record_id="r", keys=service).to_bytes())
    assert sealed.wrapped.key_id == "service/1"
    assert decrypt(sealed, record_id="r", keys=service) == b"x"
    service.held = {b"\0\0\0\0": b"short"}
    with pytest.raises(AssayError, match="was changed"):
        decrypt(sealed, record_id="r", keys=service)


def test_keys_come_from_a_file(tmp_path):
    path = tmp_path / "keys"
    made = create_key_file(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = encrypt(b"x", record_id="r", keys=made)
    path.write_text(f"{base64.b64encode(new_key()).decode()}\n{path.read_text()}")
    rotated = LocalKeys.from_file(path)
    assert rotated.current != made.current
    assert decrypt(sealed, record_id="r", keys=rotated) == b"x"
    with pytest.raises(AssayError, match="never overwritten"):
        create_key_file(path)


def test_keys_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ASSAY_TEST_KEYS", base64.b64encode(bytes(range(32))).decode())
    assert LocalKeys.from_environment("ASSAY_TEST_KEYS").current == KEYS.current
    monkeypatch.delenv("ASSAY_TEST_KEYS")
    with pytest.raises(AssayError, match="ASSAY_TEST_KEYS is not set"):
        LocalKeys.from_environment("ASSAY_TEST_KEYS")


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode(), "é"])
def test_what_is_no_key_is_refused_without_being_shown(text):
    with pytest.raises(AssayError, match="expected one or more keys of 32 bytes") as caught:
        LocalKeys.from_text(text)
    assert not text or text not in str(caught.value)


def test_keys_do_not_show_themselves():
    assert repr(KEYS) == f"LocalKeys({KEYS.current})"


def test_another_format_is_refused():
    data = bytearray(encrypt(b"x", record_id="r", keys=KEYS).to_bytes())
    data[12] = 2
    with pytest.raises(AssayError, match="has format 2; this assay reads 1"):
        Sealed.from_bytes(bytes(data))
    with pytest.raises(AssayError, match="was changed"):
        Sealed.from_bytes(b"something else")
