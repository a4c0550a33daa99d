"""Signatures: the published vectors, and every way of being fooled."""

import os
import stat
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal import keys as key_files
from assay.seal.keys import SigningKey, VerifyKey
from assay.seal.signatures import Envelope, countersign, pre_authentication_encoding, sign, verify

TYPE = "application/vnd.assay.manifest+json"
ALICE, BOB, EVE = (SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2, 3))


def test_pre_authentication_encoding_is_that_of_the_dsse_specification():
    encoded = pre_authentication_encoding(b"hello world", payload_type="http://example.com/HelloWorld")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication_encoding(b"", payload_type="é") == b"DSSEv1 2 \xc3\xa9 0 "


def test_a_signature_is_that_of_rfc_8032():
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(secret))
    assert key.public.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.signature(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


def test_several_signers_and_a_threshold():
    envelope = countersign(sign(b"payload", payload_type=TYPE, keys=[ALICE]), key=BOB)
    read = Envelope.from_json(envelope.to_json())
    assert read == envelope
    found = verify(read, payload_type=TYPE, keys=[ALICE.public, BOB.public], threshold=2)
    assert found.payload == b"payload"
    assert found.signers == (ALICE.public.id, BOB.public.id)
    with pytest.raises(AssayError, match="1 known key"):
        verify(read, payload_type=TYPE, keys=[ALICE.public, EVE.public], threshold=2)


def test_signing_twice_counts_once():
    envelope = sign(b"payload", payload_type=TYPE, keys=[ALICE, ALICE])
    assert verify(envelope, payload_type=TYPE, keys=[ALICE.public]).signers == (ALICE.public.id,)
    with pytest.raises(AssayError, match="needed 2"):
        verify(envelope, payload_type=TYPE, keys=[ALICE.public], threshold=2)


def test_an_unknown_key_is_refused():
    envelope = sign(b"payload", payload_type=TYPE, keys=[EVE])
    with pytest.raises(AssayError, match=f"needed 1. Unknown: {EVE.public.id}"):
        verify(envelope, payload_type=TYPE, keys=[ALICE.public])
    forged = replace(envelope, signatures=(replace(envelope.signatures[0], key_id=ALICE.public.id),))
    with pytest.raises(AssayError, match="does not hold"):
        verify(forged, payload_type=TYPE, keys=[ALICE.public])


def test_one_broken_signature_of_a_known_key_is_refused_even_beside_a_good_one():
    envelope = sign(b"payload", payload_type=TYPE, keys=[ALICE, BOB])
    bad = replace(envelope.signatures[1], value=envelope.signatures[0].value)
    with pytest.raises(AssayError, match=BOB.public.id):
        verify(
            replace(envelope, signatures=(envelope.signatures[0], bad)),
            payload_type=TYPE,
            keys=[ALICE.public, BOB.public],
        )


def test_another_payload_type_is_refused():
    envelope = sign(b"payload", payload_type=TYPE, keys=[ALICE])
    with pytest.raises(AssayError, match="expected 'text/plain'"):
        verify(envelope, payload_type="text/plain", keys=[ALICE.public])
    with pytest.raises(AssayError, match="does not hold"):
        verify(replace(envelope, payload_type="text/plain"), payload_type="text/plain", keys=[ALICE.public])


@given(payload=st.binary(min_size=1, max_size=80), where=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(payload, where, bit):
    envelope = sign(payload, payload_type=TYPE, keys=[ALICE])

    def flipped(data):
        at = where % len(data)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

    signature = envelope.signatures[0]
    for changed in (
        replace(envelope, payload=flipped(payload)),
        replace(envelope, signatures=(replace(signature, value=flipped(signature.value)),)),
    ):
        with pytest.raises(AssayError, match="does not hold"):
            verify(changed, payload_type=TYPE, keys=[ALICE.public])


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"payload": "!", "payloadType": "t", "signatures": []},
        {"payload": "", "payloadType": 1, "signatures": []},
        {"payload": "", "payloadType": "t", "signatures": [1]},
        {"payload": "", "payloadType": "t", "signatures": [{"keyid": "a"}]},
        {"payload": None, "payloadType": "t", "signatures": []},
    ],
)
def test_what_is_no_envelope_is_refused(data):
    with pytest.raises(AssayError, match="not a signature envelope"):
        Envelope.from_json(data)


def test_url_safe_base64_of_other_signers_is_read():
    data = sign(b"\xff\xfe\xfb\xef\xbe", payload_type=TYPE, keys=[ALICE]).to_json()
    data["payload"] = data["payload"].replace("+", "-").replace("/", "_")
    assert "-" in data["payload"] or "_" in data["payload"]
    assert verify(Envelope.from_json(data), payload_type=TYPE, keys=[ALICE.public]).payload == b"\xff\xfe\xfb\xef\xbe"


def test_an_envelope_without_signatures_is_never_good():
    with pytest.raises(AssayError, match="at least one key"):
        sign(b"payload", payload_type=TYPE, keys=[])
    with pytest.raises(AssayError, match="needed 1"):
        verify(Envelope(b"payload", TYPE, ()), payload_type=TYPE, keys=[ALICE.public])
    with pytest.raises(AssayError, match="threshold is 0"):
        verify(Envelope(b"payload", TYPE, ()), payload_type=TYPE, keys=[ALICE.public], threshold=0)


@pytest.mark.parametrize("passphrase", [None, "correct horse battery staple"])
def test_key_files_come_back(tmp_path, passphrase):
    path = tmp_path / "key.pem"
    key_files.save_signing_key(ALICE, path, passphrase=passphrase)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_files.load_signing_key(path, passphrase=passphrase).public == ALICE.public
    key_files.save_verify_key(ALICE.public, tmp_path / "key.pub")
    read = key_files.load_verify_key(tmp_path / "key.pub")
    assert read == ALICE.public
    assert read.id == ALICE.public.id


def test_the_key_id_is_the_digest_openssl_gives_the_public_key():
    der = ALICE._private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert der == bytes.fromhex("302a300506032b6570032100") + ALICE.public.raw
    assert len({ALICE.public.id, BOB.public.id, EVE.public.id}) == 3


def test_a_key_file_is_never_overwritten(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("precious")
    with pytest.raises(AssayError, match="never overwritten"):
        key_files.save_signing_key(ALICE, path)
    assert path.read_text() == "precious"


def test_wrong_passphrases_and_wrong_files_are_refused(tmp_path):
    path = tmp_path / "key.pem"
    key_files.save_signing_key(ALICE, path, passphrase="right")
    with pytest.raises(AssayError, match="is encrypted"):
        key_files.load_signing_key(path)
    with pytest.raises(AssayError, match="passphrase is wrong"):
        key_files.load_signing_key(path, passphrase="wrong")
    with pytest.raises(AssayError, match="a passphrase was given"):
        SigningKey.from_pem(ALICE.to_pem(), passphrase="needless")
    with pytest.raises(AssayError, match="not a private key"):
        SigningKey.from_pem(b"junk")
    with pytest.raises(AssayError, match="passphrase is empty"):
        ALICE.to_pem(passphrase="")
    with pytest.raises(AssayError, match="cannot be read"):
        key_files.load_signing_key(tmp_path / "absent.pem")
    with pytest.raises(AssayError, match="cannot be written"):
        key_files.save_signing_key(ALICE, tmp_path / "absent" / "key.pem")
    with pytest.raises(AssayError, match="cannot be written"):
        key_files.save_verify_key(ALICE.public, tmp_path / "absent" / "key.pub")


def test_keys_of_other_kinds_are_refused():
    other = generate_private_key(SECP256R1())
    private = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(AssayError, match="not an Ed25519 private key"):
        SigningKey.from_pem(private)
    with pytest.raises(AssayError, match="not an Ed25519 public key"):
        VerifyKey.from_pem(public)
    with pytest.raises(AssayError, match="not a public key"):
        VerifyKey.from_pem(private)


def test_a_private_key_does_not_show_itself():
    assert repr(ALICE) == f"SigningKey({ALICE.public.id})"
    assert SigningKey.generate().public != SigningKey.generate().public
