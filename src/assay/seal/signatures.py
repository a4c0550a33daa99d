"""Signed payloads: Ed25519 over the DSSE pre-authentication encoding, with one or more signers.

Source: Dead Simple Signing Envelope v1.0.2, https://github.com/secure-systems-lab/dsse (protocol.md, envelope.md).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.core.errors import AssayError
from assay.seal.keys import SigningKey, VerifyKey


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed (`key_id`, a hint until it is verified) and the 64 signature bytes."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, what it claims to be, and the signatures over both. Nothing in it is true until verified."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"payload", "payloadType", "signatures": [{"keyid", "sig"}]}`, bytes in base64."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": s.key_id, "sig": base64.b64encode(s.value).decode()} for s in self.signatures],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Envelope:
        """The Envelope that `to_json`, or another DSSE signer, wrote."""
        try:
            kind = data["payloadType"]
            if not isinstance(kind, str):
                raise TypeError("payloadType is not text")
            signatures = tuple(Signature(str(s.get("keyid", "")), _decoded(s["sig"])) for s in data["signatures"])
            return cls(_decoded(data["payload"]), kind, signatures)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise AssayError(
                "This is not a signature envelope.",
                code="signature",
                hint="Expected DSSE: payload, payloadType and signatures with keyid and sig, in base64.",
            ) from None


@dataclass(frozen=True, slots=True)
class Verified:
    """A payload whose signatures hold, and the ids of the known keys that signed it."""

    payload: bytes
    signers: tuple[str, ...]


def pre_authentication_encoding(payload: bytes, /, *, payload_type: str) -> bytes:
    """The bytes that are signed: version, type and payload with their lengths in bytes (DSSE, PAE).

    >>> pre_authentication_encoding(b"hello world", payload_type="http://example.com/HelloWorld")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, /, *, payload_type: str, keys: Iterable[SigningKey]) -> Envelope:
    """`payload` in an Envelope signed by every key."""
    envelope = Envelope(payload, payload_type, ())
    for key in keys:
        envelope = countersign(envelope, key=key)
    if not envelope.signatures:
        raise AssayError("Signing needs at least one key.", code="signature")
    return envelope


def countersign(envelope: Envelope, /, *, key: SigningKey) -> Envelope:
    """The same Envelope with one more signature; the others stay."""
    message = pre_authentication_encoding(envelope.payload, payload_type=envelope.payload_type)
    return replace(envelope, signatures=(*envelope.signatures, Signature(key.public.id, key.signature(message))))


def verify(envelope: Envelope, /, *, payload_type: str, keys: Iterable[VerifyKey], threshold: int = 1) -> Verified:
    """The payload, once at least `threshold` different known keys are found to have signed it; else an error.

    A signature that names a known key and does not hold is refused, whatever the others say. Signatures
    of unknown keys count for nothing (DSSE, protocol.md), so a stranger cannot help or hinder.
    """
    if threshold < 1:
        raise AssayError(f"threshold is {threshold}; at least 1 signature is needed.", code="signature")
    if envelope.payload_type != payload_type:
        raise AssayError(
            f"The signed payload is of type {envelope.payload_type!r}; expected {payload_type!r}.", code="signature"
        )
    known = {key.id: key for key in keys}
    message = pre_authentication_encoding(envelope.payload, payload_type=payload_type)
    signers: dict[str, None] = {}
    for signature in envelope.signatures:
        key = known.get(signature.key_id)
        if key is None:
            continue
        if not key.accepts(signature.value, message):
            raise AssayError(
                f"The signature by {key.id} does not hold: the payload or the signature was changed.",
                code="signature",
            )
        signers[key.id] = None
    if len(signers) < threshold:
        strangers = [s.key_id for s in envelope.signatures if s.key_id not in known]
        raise AssayError(
            f"Signed by {len(signers)} known key(s); needed {threshold}. Unknown: {', '.join(strangers) or 'none'}.",
            code="signature",
            hint=f"Known: {', '.join(sorted(known)) or 'none'}.",
        )
    return Verified(envelope.payload, tuple(signers))


def _decoded(text: str) -> bytes:
    """Bytes of standard or URL-safe base64, both of which DSSE allows."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
