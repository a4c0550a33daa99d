"""Taxpayer numbers of Brazil (CPF)."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.checksums import differ, digits_of, weighted
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "br-cpf",
    kind=KIND,
    title="Taxpayer numbers of Brazil (CPF)",
    statement="Nine digits and two check digits mod 11 (Receita Federal).",
)
def br_cpf() -> Recognizer:
    """The recogniser of BR_CPF."""
    return Recognizer(
        name="br-cpf",
        entity="BR_CPF",
        patterns=(
            Pattern(r"(?<![\w.-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])", 0.95),
            Pattern(r"(?<![\w.-])[0-9]{11}(?![\w-])", 0.5),
        ),
        examples=(
            "CPF «529.982.247-25»",
            "cpf «52998224725»",
        ),
        counterexamples=(
            "529.982.247-24",
            "111.111.111-11",
        ),
        context=("cpf",),
        valid=_mod_11,
    )


def _mod_11(text: str) -> bool:
    digits = digits_of(text)
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return differ(digits) and digits[9:] == [first, second]
