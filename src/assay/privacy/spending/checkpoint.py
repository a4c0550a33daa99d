"""Checkpoints of a ledger as files, plain or signed, to be kept where the store is not."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from assay.core.budget.terms import Checkpoint
from assay.core.errors import AssayError
from assay.seal.keys import SigningKey, VerifyKey
from assay.seal.signatures import Envelope, sign, verify

PAYLOAD_TYPE = "application/vnd.assay.ledger-checkpoint+json"
LARGEST = 100_000
"""Bytes that a checkpoint may have."""


def write_checkpoint(
    checkpoint: Checkpoint, path: str, /, *, key: SigningKey | None = None, over: bool = False
) -> None:
    """The file at `path` holds the checkpoint, whole or not at all; signed with `key`, where given.

    A file that is there is replaced only with `over`: the older checkpoint should have been verified first.
    """
    target = Path(path)
    if target.exists() and not over:
        raise AssayError(
            f"The file {path} is there already.",
            code="checkpoint",
            hint=f"Verify against it and renew it: --checkpoint {path} --save {path}",
        )
    data = json.dumps(checkpoint.to_json(), indent=2).encode()
    if key is not None:
        data = json.dumps(sign(data, payload_type=PAYLOAD_TYPE, keys=[key]).to_json(), indent=2).encode()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".checkpoint-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except OSError as error:
        raise AssayError(f"The checkpoint {path} cannot be written: {error.strerror}.", code="checkpoint") from None


def read_checkpoint(path: str, /, *, key: VerifyKey | None = None) -> Checkpoint:
    """The checkpoint in the file at `path`; a signed one needs the `key` that it is verified with, a plain one none."""
    try:
        with Path(path).open("rb") as stream:
            data = json.loads(stream.read(LARGEST))
    except OSError as error:
        raise AssayError(f"The checkpoint {path} cannot be read: {error.strerror}.", code="checkpoint") from None
    except (ValueError, RecursionError):
        raise AssayError(
            f"The file {path} is no checkpoint of a ledger.", code="checkpoint", hint="Give the file that --save wrote."
        ) from None
    signed = isinstance(data, dict) and "payloadType" in data
    if not signed:
        if key is not None:
            raise AssayError(f"The checkpoint {path} is not signed.", code="checkpoint", hint="Leave --signed-by out.")
        return Checkpoint.from_json(data)
    if key is None:
        raise AssayError(
            f"The checkpoint {path} is signed.",
            code="checkpoint",
            hint="Give the key to verify it: --signed-by KEY.pem",
        )
    verified = verify(Envelope.from_json(data), payload_type=PAYLOAD_TYPE, keys=[key])
    return Checkpoint.from_json(json.loads(verified.payload))
