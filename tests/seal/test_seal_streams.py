"""Sealed files: every changed byte, cut, exchange and extra byte is found, and nothing unchecked is left behind."""

import io
import os
import stat

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.atrest import stream
from assay.seal.atrest.files import open_file, rewrap_file, seal_file, wrapped_key_of
from assay.seal.atrest.stream import CHUNK_BYTES, open_stream, rewrap_stream, seal_stream
from assay.seal.key_sources import LocalKeys, WrappedKey

KEYS = LocalKeys([bytes(range(32))])
OTHER = LocalKeys([bytes(32)])


def sealed(plain, *, record_id="r", keys=KEYS):
    target = io.BytesIO()
    seal_stream(io.BytesIO(plain), target, record_id=record_id, keys=keys)
    return target.getvalue()


def opened(data, *, record_id="r", keys=KEYS):
    target = io.BytesIO()
    open_stream(io.BytesIO(data), target, record_id=record_id, keys=keys)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_is_sealed_comes_back(size):
    plain = os.urandom(size)
    data = sealed(plain)
    assert opened(data) == plain
    assert len(data) == len(sealed(b"")) - 16 + size + 16 * max(1, -(-size // CHUNK_BYTES))


@given(plain=st.binary(max_size=300), record_id=st.text(max_size=10))
def test_any_record_comes_back(plain, record_id):
    assert opened(sealed(plain, record_id=record_id), record_id=record_id) == plain


def test_the_format_is_the_stream_construction():
    """Opened by hand: AES-GCM under the unwrapped key, nonce = number and last flag, bound to what it is."""
    plain = os.urandom(CHUNK_BYTES + 5)
    data = sealed(plain)
    source = io.BytesIO(data)
    cipher = AESGCM(KEYS.unwrap(stream.read_header(source)))
    first, last = source.read(CHUNK_BYTES + 16), source.read()
    bound = b"assay-stream\x01r"
    assert cipher.decrypt(bytes(12), first, bound) == plain[:CHUNK_BYTES]
    assert cipher.decrypt(bytes(10) + b"\x01\x01", last, bound) == plain[CHUNK_BYTES:]


def test_every_byte_every_bit_and_every_cut_of_a_small_file_is_found():
    data = sealed(b"a small file")
    for at in range(len(data)):
        flipped = [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for bit in range(8)]
        for broken in (*flipped, data[:at], data[:at] + data[at + 1 :], data[:at] + b"\0" + data[at:]):
            with pytest.raises(AssayError):
                opened(broken)
    with pytest.raises(AssayError, match="was changed"):
        opened(data + b"\0")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK_BYTES", 4)


def pieces(data):
    head = len(sealed(b"")) - 16
    return data[:head], [data[at : at + 20] for at in range(head, len(data), 20)]


@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=60)
@given(order=st.lists(st.integers(0, 4), max_size=7))
def test_chunks_left_out_repeated_or_moved_are_found(order):
    head, chunks = pieces(sealed(b"0123456789abcdefgh"))
    assert len(chunks) == 5
    data = head + b"".join(chunks[k] for k in order)
    if order == [0, 1, 2, 3, 4]:
        assert opened(data) == b"0123456789abcdefgh"
    else:
        with pytest.raises(AssayError):
            opened(data)


@pytest.mark.usefixtures("small_chunks")
def test_every_cut_and_every_byte_of_many_chunks_is_found():
    data = sealed(b"0123456789abcdef")
    for at in range(len(data)):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]):
            with pytest.raises(AssayError):
                opened(broken)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_of_another_file_are_found():
    (head, one), (_, two) = pieces(sealed(b"0123456789")), pieces(sealed(b"0123456789"))
    with pytest.raises(AssayError, match="was changed"):
        opened(head + one[0] + two[1] + one[2])


def test_a_file_cannot_pass_for_another_nor_be_opened_with_another_key():
    with pytest.raises(AssayError, match="another record id"):
        opened(sealed(b"x", record_id="one"), record_id="two")
    with pytest.raises(AssayError, match="which is not here"):
        opened(sealed(b"x"), keys=OTHER)


def test_rotation_rewrites_the_wrap_alone(tmp_path):
    path, new = tmp_path / "f", LocalKeys([bytes([7]) * 32])
    both = LocalKeys([bytes([7]) * 32, bytes(range(32))])
    path.write_bytes(sealed(b"x" * 100_000))
    before = path.read_bytes()
    rewrap_file(path, keys=both)
    after = path.read_bytes()
    assert wrapped_key_of(path).key_id == new.current
    head = len(sealed(b"")) - 16
    assert (before[head:], len(before)) == (after[head:], len(after))
    assert opened(after, keys=new) == b"x" * 100_000
    with pytest.raises(AssayError, match="which is not here"):
        opened(after)


def test_files_are_made_whole_or_not_at_all(tmp_path):
    plain, secret, back = tmp_path / "plain", tmp_path / "secret", tmp_path / "back"
    plain.write_bytes(os.urandom(3 * CHUNK_BYTES + 1))
    seal_file(plain, secret, record_id="r", keys=KEYS)
    open_file(secret, back, record_id="r", keys=KEYS)
    assert back.read_bytes() == plain.read_bytes()
    if os.name == "posix":
        assert stat.S_IMODE(back.stat().st_mode) == 0o600
    with pytest.raises(AssayError, match="is there already"):
        open_file(secret, back, record_id="r", keys=KEYS)
    cut = tmp_path / "cut"
    cut.write_bytes(secret.read_bytes()[: -CHUNK_BYTES // 2])
    with pytest.raises(AssayError, match="is cut off"):
        open_file(cut, tmp_path / "never", record_id="r", keys=KEYS)
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "secret", "back", "cut"}


def test_what_cannot_be_read_or_written_is_one_error(tmp_path):
    with pytest.raises(AssayError, match="cannot be read"):
        seal_file(tmp_path / "absent", tmp_path / "x", record_id="r", keys=KEYS)
    (tmp_path / "f").write_bytes(b"not sealed")
    with pytest.raises(AssayError, match="no sealed file"):
        open_file(tmp_path / "f", tmp_path / "x", record_id="r", keys=KEYS)
    with pytest.raises(AssayError, match="cannot be written"):
        seal_file(tmp_path / "f", tmp_path / "no" / "folder", record_id="r", keys=KEYS)


def test_another_format_and_a_key_service_that_lies_are_refused():
    data = bytearray(sealed(b"x"))
    data[12] = 2
    with pytest.raises(AssayError, match="has format 2; this assay reads 1"):
        opened(bytes(data))

    class Short:
        current = "short"

        def wrap(self, data_key):
            return WrappedKey(self.current, b"")

        def unwrap(self, wrapped):
            return b"short"

    with pytest.raises(AssayError, match="was changed"):
        opened(sealed(b"x", keys=Short()), keys=Short())


def test_a_rewrapped_stream_keeps_its_bytes():
    target = io.BytesIO()
    data = sealed(b"abc")
    rewrap_stream(io.BytesIO(data), target, keys=KEYS)
    assert target.getvalue() == data
