"""A table of reason codes, which counts only with a signature that holds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from assay.core.canonical import digest_bytes
from assay.core.errors import AssayError, unknown
from assay.seal.keys import SigningKey, VerifyKey
from assay.seal.signatures import Envelope, sign, verify

FORMAT = 1
PAYLOAD_TYPE = "application/vnd.assay.reason-codes+toml"
"""What the signature says that the signed bytes are."""
Direction = Literal["low", "high", "missing", "any"]
_HINT = "See the guide on reason codes for the format."


@dataclass(frozen=True, slots=True)
class Code:
    """One reason: its `code`, the `columns` it stands for, when, and the `text` that an applicant is given.

    `direction`: the value of the column is below ("low") or above ("high") the mean of the baseline, it is "missing",
    or "any" of these; a category has no direction but "missing" and "any".
    """

    code: str
    columns: tuple[str, ...]
    direction: Direction
    text: str


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Codes with a name and version, the `digest` of the file, and who signed it; nobody, where it is a draft."""

    name: str
    version: str
    codes: tuple[Code, ...]
    digest: str
    signers: tuple[str, ...] = ()


def draft_codes(data: bytes, /) -> CodeTable:
    """The table of a TOML file that nobody signed, for writing and trying it.

    Raises AssayError at an unknown key, a code given twice, or a column with two codes for one direction.
    """
    try:
        given = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssayError(f"The table of reason codes is no TOML: {error}.", code="codes", hint=_HINT) from None
    _check_keys(given, ("format", "name", "version", "reason"), "the table of reason codes")
    if given.get("format") != FORMAT:
        raise AssayError(
            f"The table of reason codes has format {given.get('format')!r}; expected {FORMAT}.", code="codes"
        )
    entries = given.get("reason")
    if not isinstance(entries, list) or not entries:
        raise AssayError("The table of reason codes has no [[reason]].", code="codes", hint=_HINT)
    codes = tuple(_code(entry, place) for place, entry in enumerate(entries, 1))
    _check_once(codes)
    return CodeTable(_text(given, "name", "The table"), _text(given, "version", "The table"), codes, digest_bytes(data))


def sign_codes(data: bytes, /, *, keys: Iterable[SigningKey]) -> bytes:
    """The TOML file in a DSSE envelope, as JSON, signed by every key; a table that cannot be read is not signed."""
    draft_codes(data)
    return json.dumps(sign(data, payload_type=PAYLOAD_TYPE, keys=keys).to_json(), indent=1).encode() + b"\n"


def signed_codes(data: bytes, /, *, keys: Iterable[VerifyKey], threshold: int = 1) -> CodeTable:
    """The table in a signed envelope, once at least `threshold` of the known `keys` are found to have signed it.

    Raises AssayError where the signature does not hold, is of unknown keys only, or is over something else.
    """
    try:
        envelope = Envelope.from_json(json.loads(data))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise AssayError(
            "This is not a signed table of reason codes.",
            code="signature",
            hint="Sign the TOML file with sign_codes, or read it as a draft.",
        ) from None
    found = verify(envelope, payload_type=PAYLOAD_TYPE, keys=keys, threshold=threshold)
    return replace(draft_codes(found.payload), signers=found.signers)


def read_codes(path: Path, /, *, keys: Iterable[VerifyKey] = (), threshold: int = 1) -> CodeTable:
    """The table of a file: a draft where its name ends in .toml, else an envelope whose signature is verified."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssayError(f"{path} cannot be read: {error.strerror}.", code="codes") from None
    return draft_codes(data) if path.suffix == ".toml" else signed_codes(data, keys=keys, threshold=threshold)


def example_codes() -> CodeTable:
    """The draft that goes with the built-in credit data: an example of the format, signed by nobody."""
    return draft_codes(Path(__file__).with_name("credit.toml").read_bytes())


def _code(entry: Any, place: int) -> Code:
    where = f"Reason {place}"
    if not isinstance(entry, Mapping):
        raise AssayError(f"{where} is no table.", code="codes", hint=_HINT)
    _check_keys(entry, ("code", "columns", "direction", "text"), where.lower())
    columns = entry.get("columns")
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) and name for name in columns):
        raise AssayError(f"{where} names no columns.", code="codes", hint='Write columns = ["income"].')
    direction = entry.get("direction", "any")
    if direction not in get_args(Direction):
        raise unknown(f"direction of {where.lower()}", str(direction), get_args(Direction), code="codes")
    return Code(_text(entry, "code", where), tuple(dict.fromkeys(columns)), direction, _text(entry, "text", where))


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    found = given.get(key)
    if not isinstance(found, str) or not found.strip() or not found.isprintable():
        raise AssayError(
            f"{where} has no {key} that can be printed.", code="codes", hint=f'Write {key} = "…", in one line.'
        )
    return found.strip()


def _check_keys(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            raise unknown(f"key in {where}", key, known, code="codes")


def _check_once(codes: tuple[Code, ...]) -> None:
    names: set[str] = set()
    taken: dict[tuple[str, str], str] = {}
    for one in codes:
        if one.code in names:
            raise AssayError(f"The code {one.code!r} is given twice.", code="codes", hint="Give each code once.")
        names.add(one.code)
        for column in one.columns:
            other = taken.setdefault((column, one.direction), one.code)
            if other != one.code:
                raise AssayError(
                    f"Column {column!r} has two codes for the direction {one.direction!r}: {other} and {one.code}.",
                    code="codes",
                    hint="Several columns may share a code; a column has one for each direction.",
                )
