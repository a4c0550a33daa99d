"""Adverse-action reason codes from a signed table: `reasons` gives them, `sign_codes` and `read_codes` are the table's.

table = read_codes(Path("codes.signed.json"), keys=[load_verify_key(Path("compliance.pem"))])
print(reasons(question(case, [17], background=2000), table).statement())
"""

from assay.explain.words.reasons.codes import (
    Code,
    CodeTable,
    draft_codes,
    example_codes,
    read_codes,
    sign_codes,
    signed_codes,
)
from assay.explain.words.reasons.given import reasons
from assay.explain.words.reasons.notices import Notice, Reason, ReasonCodes
from assay.explain.words.reasons.stability import Shaking

__all__ = [
    "Code",
    "CodeTable",
    "Notice",
    "Reason",
    "ReasonCodes",
    "Shaking",
    "draft_codes",
    "example_codes",
    "read_codes",
    "reasons",
    "sign_codes",
    "signed_codes",
]
