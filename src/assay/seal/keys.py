"""Ed25519 keys (RFC 8032) that know their id, and their PEM files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError
from assay.seal.secret_files import read_secret, write_secret


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key. `raw` is its 32 bytes, as RFC 8032 encodes them."""

    raw: bytes

    @property
    def id(self) -> str:
        """SHA-256 of the key's SubjectPublicKeyInfo (DER), as `sha256:` and hexadecimal digits."""
        der = self._public().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return digest_bytes(der)

    def accepts(self, signature: bytes, message: bytes, /) -> bool:
        """True when `signature` was made over exactly `message` with the private half of this key."""
        try:
            self._public().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def to_pem(self) -> bytes:
        """The key as PEM (SubjectPublicKeyInfo)."""
        return self._public().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def from_pem(cls, pem: bytes, /, *, where: str = "The key") -> VerifyKey:
        """The key that `to_pem` wrote; any other kind of key or file is refused."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise AssayError(f"{where} is not a public key in PEM.", code="key") from None
        if not isinstance(key, Ed25519PublicKey):
            raise AssayError(f"{where} is not an Ed25519 public key.", code="key")
        return cls(key.public_bytes_raw())

    def _public(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)


class SigningKey:
    """A private key; it never shows itself."""

    __slots__ = ("_private",)

    def __init__(self, private: Ed25519PrivateKey, /) -> None:
        self._private = private

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the operating system's random numbers."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> VerifyKey:
        """The half that others verify with."""
        return VerifyKey(self._private.public_key().public_bytes_raw())

    def signature(self, message: bytes, /) -> bytes:
        """(64,) bytes: the Ed25519 signature of `message`."""
        return self._private.sign(message)

    def to_pem(self, *, passphrase: str | None = None) -> bytes:
        """The key as PEM (PKCS 8), encrypted where there is a passphrase.

        The passphrase is stretched as OpenSSL does by default (PBKDF2, 2,048 rounds): take one that cannot be
        guessed, such as five random words.
        """
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            if not passphrase:
                raise AssayError("The passphrase is empty.", code="key", hint="Give one, or None for no encryption.")
            encryption = serialization.BestAvailableEncryption(passphrase.encode())
        return self._private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    @classmethod
    def from_pem(cls, pem: bytes, /, *, passphrase: str | None = None, where: str = "The key") -> SigningKey:
        """The key that `to_pem` wrote; a wrong passphrase or another kind of key is refused."""
        try:
            key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
        except TypeError:
            state = "is not encrypted, but a passphrase was given" if passphrase else "is encrypted"
            hint = "Leave the passphrase out." if passphrase else "Give its passphrase."
            raise AssayError(f"{where} {state}.", code="key", hint=hint) from None
        except (ValueError, UnsupportedAlgorithm):
            wrong = "the passphrase is wrong, or it" if passphrase else "it"
            raise AssayError(f"{where} cannot be read: {wrong} is not a private key in PEM.", code="key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise AssayError(f"{where} is not an Ed25519 private key.", code="key")
        return cls(key)


def save_signing_key(key: SigningKey, path: Path, /, *, passphrase: str | None = None) -> None:
    """`path` is a new PEM file of mode 0600 with the private key; an existing file is never overwritten."""
    write_secret(path, key.to_pem(passphrase=passphrase))


def load_signing_key(path: Path, /, *, passphrase: str | None = None) -> SigningKey:
    """The private key in the PEM file `path`."""
    return SigningKey.from_pem(read_secret(path), passphrase=passphrase, where=str(path))


def save_verify_key(key: VerifyKey, path: Path, /) -> None:
    """`path` is a PEM file with the public key."""
    try:
        path.write_bytes(key.to_pem())
    except OSError as error:
        raise AssayError(f"{path} cannot be written: {error.strerror}.", code="key") from None


def load_verify_key(path: Path, /) -> VerifyKey:
    """The public key in the PEM file `path`."""
    return VerifyKey.from_pem(read_secret(path), where=str(path))
