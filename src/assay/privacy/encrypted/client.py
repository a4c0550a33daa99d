"""The side with the rows and the secret key: it encrypts features and decrypts scores."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.encrypted.scheme import (
    MODULUS_BITS,
    PRECISION,
    SLOTS,
    ScoringTerms,
    context_bytes,
    plainly,
    secret_context,
    tenseal,
)
from assay.privacy.encrypted.scores import Scores, Sharing
from assay.privacy.encrypted.wire import CipherMessage, about, blocks_of, read_message, request_bytes, vector_of
from assay.seal.secret_files import read_secret, write_secret

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MAGIC = b"assay-ckks-key"
_HEADER = struct.Struct(">14sBI")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """Encrypted rows: `data` goes to the server. Keep it, to read the reply that belongs to it."""

    data: bytes
    rows: int


class ScoringClient:
    """A new secret key, which stays in this object, and the ScoringTerms that the server stated.

    `shares` is how many replies may be shared with others (0: none), under noise of `bits` bits, see `scores.Sharing`;
    it cannot be changed later, since every share tells a little about the key.
    """

    def __init__(self, terms: ScoringTerms, /, *, shares: int = 0, bits: int = 30) -> None:
        self.terms = terms
        self._sharing = Sharing(shares=shares, bits=bits)
        self._context = secret_context()

    def __repr__(self) -> str:
        return f"ScoringClient({self.terms})"

    def encrypt(self, rows: ArrayLike, /) -> ScoringRequest:
        """A request with (rows, features) numbers; the server sees none of them, only how many times 4,096 rows.

        Features that are missing, infinite or larger than the terms say are an error, which does not say where.
        """
        matrix = self._checked(rows)
        request_bytes(self.terms.features, len(matrix))
        ciphertexts: list[bytes] = []
        for start in range(0, len(matrix), SLOTS):
            block = np.zeros((SLOTS, self.terms.features + 1))
            part = matrix[start : start + SLOTS]
            block[: len(part), :-1] = part
            block[: len(part), -1] = 1.0
            ciphertexts += [tenseal().ckks_vector(self._context, column.tolist()).serialize() for column in block.T]
        columns = self.terms.features + 1
        message = CipherMessage("request", blocks_of(len(matrix)), columns, bytes(32), ciphertexts)
        return ScoringRequest(message.to_bytes(), len(matrix))

    def decrypt(self, reply: bytes, /, *, request: ScoringRequest) -> Scores:
        """The scores of the rows of `request`, within 1e-3 of those in plain numbers; the reply must belong to it."""
        message = read_message(reply, kind="reply", columns=self.terms.outputs)
        if message.about != about(request.data) or message.blocks != blocks_of(request.rows):
            raise AssayError("The reply belongs to another request.", code="message", hint="Ask again.")
        found = [vector_of(self._context, each, kind="reply").decrypt() for each in message.ciphertexts]
        blocks = np.array(found).reshape(message.blocks, message.columns, SLOTS)
        values = blocks.transpose(0, 2, 1).reshape(-1, message.columns)[: request.rows]
        return Scores(values, terms=self.terms, blocks=message.blocks, sharing=self._sharing)

    def save(self, path: Path, /) -> None:
        """`path` is a new file of mode 0600 with the secret key and the terms.

        Not for a key whose scores are shared: how many shares are used up would be forgotten.
        """
        if self._sharing.shares:
            raise AssayError("A key whose scores are shared is not saved.", code="shares", hint="Use it in one go.")
        terms = json.dumps(self.terms.to_json()).encode()
        write_secret(
            path, _HEADER.pack(_MAGIC, _FORMAT, len(terms)) + terms + context_bytes(self._context, secret=True)
        )

    @classmethod
    def load(cls, path: Path, /) -> ScoringClient:
        """The client that `save` wrote; its scores are for its holder alone."""
        data = read_secret(path)
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise _no_key(path)
        _, number, length = _HEADER.unpack_from(data)
        if number != _FORMAT:
            raise AssayError(f"The key {path} has format {number}; this assay reads {_FORMAT}.", code="format")
        at = _HEADER.size + length
        try:
            terms = ScoringTerms.from_json(json.loads(data[_HEADER.size : at]))
            context = plainly(tenseal().context_from(data[at:], n_threads=1))
        except (ValueError, RuntimeError, TypeError):
            raise _no_key(path) from None
        if not _is_ours(context):
            raise _no_key(path)
        made = cls.__new__(cls)
        made.terms, made._sharing, made._context = terms, Sharing(shares=0, bits=30), context
        return made

    def _checked(self, rows: ArrayLike) -> NDArray[np.float64]:
        try:
            matrix = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError):
            raise AssayError("The rows are not numbers.", code="rows", hint="Encode the features first.") from None
        if matrix.ndim != 2 or matrix.shape[1] != self.terms.features or not len(matrix):
            raise AssayError(
                f"The rows have the shape {matrix.shape}; expected (rows, {self.terms.features}).", code="rows"
            )
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > self.terms.largest:
            raise AssayError(
                f"A feature is missing, or larger than {self.terms.largest:g} in absolute value.",
                code="rows",
                hint="Fill and clip the features before they are encrypted.",
            )
        return matrix


def _is_ours(context: Any) -> bool:
    """True for a context with a secret key and the parameters of this module."""
    if not context.has_secret_key() or context.global_scale != 2.0**PRECISION:
        return False
    probe = tenseal().ckks_vector(context, [1.0] * SLOTS).ciphertext()
    return len(probe) == 1 and bool(probe[0].coeff_modulus_size() == len(MODULUS_BITS) - 1)


def _no_key(path: Path) -> AssayError:
    return AssayError(
        f"{path} is no key of encrypted scoring, or is damaged.", code="key", hint="Restore it from a copy."
    )
