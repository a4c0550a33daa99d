"""The Python face: one call each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.privacy.anonymity.anonymize import Anonymized
    from assay.privacy.anonymity.measures.summary import Anonymity


def anonymize(source: Any, /, *, quasi: Sequence[str], **settings: Any) -> Anonymized:
    """A table in which nobody is told apart by what others may know of them; see `anonymity.anonymize.anonymize`.

    `source` is a frame, a path or a relation, `quasi` the columns that others may know. Settings: sensitive, k, l, t,
    method, hierarchies, suppression, identifiers.
    """
    from assay.privacy.anonymity.anonymize import anonymize as made

    return made(source, quasi=quasi, **settings)


def anonymity(source: Any, /, *, quasi: Sequence[str], sensitive: Sequence[str] = ()) -> Anonymity:
    """k-anonymity, l-diversity, t-closeness and their kin of a table as it is; see `anonymity.measures.summary`."""
    from assay.privacy.anonymity.measures.summary import anonymity as measured

    return measured(source, quasi=quasi, sensitive=sensitive)
