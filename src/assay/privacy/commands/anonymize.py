"""`assay privacy anonymize`: a table made coarser until its classes meet k, l and t."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.part import command
from assay.privacy.anonymity.anonymize import Anonymized, anonymize, check_target
from assay.privacy.anonymity.utility import Utility, utility


@dataclass(frozen=True)
class Written:
    """What was made and where it lies."""

    result: Anonymized
    utility: Utility | None
    out: str

    def text(self) -> str:
        """The statement, the utility where it was asked for, and the file."""
        return "\n".join(
            [self.result.statement(), *([self.utility.text()] if self.utility else []), f"wrote {self.out}"]
        )

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        found = self.utility.to_json() if self.utility else None
        return self.result.to_json() | {"utility": found, "out": self.out}


@command(title="Make a table coarser until its classes meet k, l and t", needs_case=False)
def anonymize_table(
    house: House,
    /,
    *,
    data: str,
    quasi: str,
    out: str,
    sensitive: str = "",
    identifiers: str = "",
    k: int = 5,
    l: float | None = None,  # noqa: E741 - the field's name
    t: float | None = None,
    method: Literal["mondrian", "full-domain"] = "mondrian",
    hierarchy: tuple[str, ...] = (),
    suppression: float = 0.05,
    diversity: Literal["distinct", "entropy", "recursive"] = "distinct",
    c: float = 3.0,
    target: str = "",
) -> Written:
    """Write DATA (Parquet or CSV) to OUT with its quasi-identifiers generalised, and say what the result measures.

    `quasi`, `sensitive` and `identifiers` are columns with commas between; identifiers are dropped. `hierarchy` is
    COLUMN=FILE, a line for each value: the value, then its coarser forms, semicolons between. `target` asks how much
    worse a model predicts that column, trained on the sensitive and quasi-identifying columns
    of the result.
    """
    check_target(Path(out))
    files = {}
    for text in hierarchy:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise AssayError(f"--hierarchy {text!r} is not COLUMN=FILE.", code="hierarchy", hint="Like zip=zip.csv.")
        files[name] = Path(path)
    result = anonymize(
        data,
        quasi=_names(quasi),
        sensitive=_names(sensitive),
        identifiers=_names(identifiers),
        k=k,
        l=l,
        t=t,
        method=method,
        hierarchies=files,
        suppression=suppression,
        diversity=diversity,
        c=c,
    )
    found = utility(data, result, target=target) if target else None
    result.write(out)
    return Written(result, found, out)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
