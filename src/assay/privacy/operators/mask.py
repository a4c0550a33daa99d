"""Letters and digits are covered, all or all but the last."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.errors import AssayError
from assay.core.part import part
from assay.privacy.deidentification.operator import KIND, Identifier, Operator


@part(
    "mask",
    kind=KIND,
    title="Letters and digits covered",
    statement="Length and separators stay, and with keep_last some characters: enough to tell people of a small group.",
)
def mask(*, character: str = "*", keep_last: int = 0) -> Operator:
    """Writes `character` for letters and digits, except the last `keep_last` (0 to 4, and never over a quarter)."""
    if len(character) != 1 or character.isalnum():
        raise AssayError("The mask is one character that is neither letter nor digit.", code="operator")
    if not 0 <= keep_last <= 4:
        raise AssayError(f"A mask keeps 0 to 4 characters, not {keep_last}.", code="operator")

    def apply(found: Sequence[Identifier]) -> list[str]:
        return [_masked(each.text, character, keep_last) for each in found]

    return Operator("mask", apply)


def _masked(text: str, character: str, keep_last: int) -> str:
    places = [at for at, each in enumerate(text) if each.isalnum()]
    covered = set(places[: len(places) - min(keep_last, len(places) // 4)])
    return "".join(character if at in covered else each for at, each in enumerate(text))
