"""Members and non-members of two files as one Case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.errors import AssayError
from assay.privacy.membership.candidates import side_by_side

if TYPE_CHECKING:
    from assay.data.case import Case


def with_nonmembers(case: Case, path: str, /) -> Case:
    """The rows of `case` as training rows and those of the file at `path` as others, with a column that says which."""
    label = case.roles.label
    if label is None or case.model is None or not case.model_columns:
        raise AssayError(
            "Members and non-members need a label, and a model of a table.", code="membership", hint="Give --label."
        )
    return side_by_side(
        case.model,
        case.rows(list(dict.fromkeys((*case.model_columns, label, *case.roles.protected)))),
        path,
        label=label,
        features=case.model_columns,
        protected=case.roles.protected,
        name=case.name,
        task=case.task,
        favourable=case.roles.favourable,
    )
