"""The side with the model: it computes on ciphertexts, holds no key, and learns how many blocks of rows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError
from assay.privacy.encrypted.scheme import PRECISION, ScoringTerms, public_context
from assay.privacy.encrypted.wire import CipherMessage, about, broken, read_message, vector_of

if TYPE_CHECKING:
    from assay.models.internals.forms import LinearForm

_SMALLEST_WEIGHT = 2.0**-PRECISION


class ScoringServer:
    """Scores encrypted rows by a linear model, `w·x + b` for each output, without ever seeing a feature or a score.

    `largest` bounds the absolute value of every feature; both sides must keep to it. The server is trusted to compute
    what it says (semi-honest): CKKS hides the features from it, and does not show a client that it computed something
    else. It has no way to take a decrypted score back (Li & Micciancio, EUROCRYPT 2021: those reveal the client's key).
    The model is not hidden: who may ask often enough can solve for the weights, encrypted or not.
    """

    def __init__(self, form: LinearForm, /, *, largest: float) -> None:
        weights = np.column_stack([form.coefficients, form.intercept])
        weights = np.where(np.abs(weights) < _SMALLEST_WEIGHT, 0.0, weights)
        if not weights.any(axis=1).all():
            raise AssayError("An output of the model has no weights, so there is nothing to compute.", code="model")
        self._weights = weights
        self._context = public_context()
        self.terms = ScoringTerms(
            form.width, form.outputs, form.scale, float(largest), float(np.abs(weights).sum(axis=1).max())
        )

    def score(self, request: bytes, /) -> bytes:
        """The reply to the request of a client: for each block of rows one ciphertext an output.

        A request that is damaged, too large, of other terms or of other parameters is an error. Only the weights decide
        how long it takes.
        """
        message = read_message(request, kind="request", columns=self.terms.features + 1)
        scores: list[bytes] = []
        for block in range(message.blocks):
            first = block * message.columns
            columns = [
                vector_of(self._context, ciphertext, kind="request")
                for ciphertext in message.ciphertexts[first : first + message.columns]
            ]
            scores += [self._output(columns, weights) for weights in self._weights]
        return CipherMessage("reply", message.blocks, self.terms.outputs, about(request), scores).to_bytes()

    def _output(self, columns: list[Any], weights: np.ndarray) -> bytes:
        """Σ weight × column; the last column is 1 in every row, and its weight the intercept."""
        total: Any = None
        try:
            for place in np.flatnonzero(weights):
                term = columns[place] * float(weights[place])
                total = term if total is None else total + term
            made: bytes = total.serialize()
        except (ValueError, RuntimeError):  # columns that were not encrypted alike
            raise broken("request") from None
        return made
