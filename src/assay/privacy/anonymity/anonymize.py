"""A table in which people hide in classes: made, measured again, and said for what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.core.errors import AssayError, unknown
from assay.privacy.anonymity.hierarchies.built import check_given, ladders
from assay.privacy.anonymity.loss import InformationLoss, information_loss
from assay.privacy.anonymity.measures.classes import classes_of
from assay.privacy.anonymity.measures.summary import Anonymity, anonymity_of, check_parts
from assay.privacy.anonymity.search.full_domain import full_domain
from assay.privacy.anonymity.search.mondrian import mondrian
from assay.privacy.anonymity.search.recoded import Recoded, RecodedColumn
from assay.privacy.anonymity.search.requirement import Diversity, Requirement
from assay.privacy.anonymity.table import check_columns, coded, read_table

Method = Literal["mondrian", "full-domain"]
METHODS = ("mondrian", "full-domain")


@dataclass(frozen=True, eq=False)
class Anonymized:
    """A generalised `table` (pyarrow), what it was asked to meet, and what it was measured to meet.

    `before` and `after` are measured on the table as it came and as it goes. `recoded` says what became of each cell.
    `kept_as_is` are columns that are neither quasi-identifiers nor sensitive, `dropped` identifiers that were left out.
    """

    table: Any
    requirement: Requirement
    before: Anonymity
    after: Anonymity
    loss: InformationLoss
    recoded: Recoded
    kept_as_is: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def suppressed(self) -> int:
        """Rows of the original that were left out."""
        return self.before.rows - self.after.rows

    def statement(self) -> str:
        """What may be said of the table, with its measures; never that it is anonymous."""
        lines = [
            f"{self.recoded.how} of {self.before.rows:,} rows; {self.suppressed:,} left out. Measured on the result:",
            self.after.text(),
            f"before: k = {self.before.k}, {self.before.uniques:,} rows unique",
            f"lost: {self.loss.generalized:.1%} of the detail of the quasi-identifiers (generalised loss), "
            f"{self.loss.entropy:.1%} of their entropy; mean class {self.loss.class_size:.3g} times k",
            "These measures bound what one learns who knows these quasi-identifiers and nothing else; whether the "
            "table is anonymous in the sense of the law is not decided by them.",
        ]
        if self.kept_as_is:
            lines.append(f"As they were, and not part of the measures: {', '.join(self.kept_as_is)}.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Everything but the table as JSON types."""
        asked = self.requirement
        return {
            "method": self.recoded.how,
            "asked": {"k": asked.k, "l": asked.l, "t": asked.t, "diversity": asked.diversity, "c": asked.c},
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "suppressed": self.suppressed,
            "loss": self.loss.to_json(),
            "kept_as_is": list(self.kept_as_is),
            "dropped": list(self.dropped),
        }

    def write(self, path: str | Path, /) -> None:
        """Write the table to a new `.parquet` or `.csv` file; a file that is there is not overwritten."""
        import pyarrow.csv as csv
        import pyarrow.parquet as parquet

        target = Path(path)
        check_target(target)
        try:
            with target.open("xb") as file:
                if target.suffix == ".csv":
                    csv.write_csv(self.table, file)
                else:
                    parquet.write_table(self.table, file)
        except FileNotFoundError:
            raise AssayError(f"There is no folder for {str(target)!r}.", code="output", hint="Make it first.") from None


def check_target(target: Path, /) -> None:
    """Raise where the file is there already, or is of no kind that is written."""
    if target.suffix not in (".parquet", ".csv"):
        raise AssayError(f"{str(target)!r} is neither .parquet nor .csv.", code="output", hint="Name it out.parquet.")
    if target.exists():
        raise AssayError(f"The file {str(target)!r} is there already.", code="output", hint="Give another name.")


def anonymize(
    source: Any,
    /,
    *,
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    k: int = 5,
    l: float | None = None,  # noqa: E741 - the field's name
    t: float | None = None,
    method: Method = "mondrian",
    hierarchies: Mapping[str, Any] | None = None,
    suppression: float = 0.05,
    identifiers: Sequence[str] = (),
    diversity: Diversity = "distinct",
    c: float = 3.0,
    strict: bool = True,
) -> Anonymized:
    """The Anonymized form of a frame, path, relation or Ibis table: every class meets k, l and t, measured at the end.

    "mondrian" cuts the rows into many small regions (least loss; a value is written differently in different rows) and
    leaves none out; "full-domain" takes one level of a hierarchy for a whole column, optimal in generalised loss, and
    may leave out the share `suppression` of the rows. `hierarchies` gives, by column, a Hierarchy, a path to a
    hierarchy file or a mapping; without one it is built from the data (full-domain) or not needed (mondrian).
    `identifiers` are dropped. `diversity` is the kind of l-diversity, `c` that of the recursive one; each sensitive
    column meets l and t by itself. Missing values are values of their own. Rows keep their order, and columns that are
    not named stay as they are: shuffle the rows where someone may have the original, and name what others may know.

    Raises AssayError for bad columns or numbers, a hierarchy that does not cover a value, or what cannot be met.
    """
    check_parts(quasi, sensitive)
    requirement = Requirement(k, l, t, diversity, c)
    if method not in METHODS:
        raise unknown("method of anonymisation", method, METHODS, code="method")
    if not 0 <= suppression < 1:
        raise AssayError(f"suppression = {suppression!r} is no share in [0, 1).", code="suppression")
    if requirement.tells and not sensitive:
        raise AssayError("l and t are about sensitive columns.", code="sensitive", hint="Name them: sensitive=[...].")
    table = read_table(source)
    check_columns([*quasi, *sensitive, *identifiers], table.column_names)
    given = dict(hierarchies or {})
    check_given(given, quasi)
    columns, told = [coded(table, name) for name in quasi], [coded(table, name) for name in sensitive]
    before = anonymity_of(classes_of(columns, table.num_rows), told, tuple(quasi))
    if method == "full-domain":
        recoded = full_domain(ladders(columns, given), told, requirement, suppression=suppression)
    else:
        named = [column for column in columns if column.name in given]
        found = {column.name: steps for column, steps in zip(named, ladders(named, given), strict=True)}
        recoded = mondrian(columns, told, requirement, ladders=found, strict=strict)
    out = _table(table, recoded, [name for name in table.column_names if name not in identifiers])
    after = _verified(out, requirement, quasi, sensitive)
    others = tuple(name for name in out.column_names if name not in (*quasi, *sensitive))
    lost = information_loss(recoded, k=k)
    return Anonymized(out, requirement, before, after, lost, recoded, others, tuple(identifiers))


def _table(table: Any, recoded: Recoded, names: Sequence[str]) -> Any:
    import pyarrow as pa

    made = {found.column.name: _cells(found) for found in recoded.columns if found.changed}
    kept = table.take(pa.array(recoded.kept))
    return pa.table({name: made.get(name, kept.column(name)) for name in names})


def _cells(found: RecodedColumn) -> Any:
    import pyarrow as pa

    return pa.array(found.texts, pa.string()).take(pa.array(found.groups))


def _verified(table: Any, requirement: Requirement, quasi: Sequence[str], sensitive: Sequence[str]) -> Anonymity:
    """The measures of the finished table, read as anyone would read it; an error where they are not what was asked."""
    columns, told = [coded(table, name) for name in quasi], [coded(table, name) for name in sensitive]
    classes = classes_of(columns, table.num_rows)
    if not requirement.meets(classes, told, [None] * len(told), [column.codes for column in told]).all():
        raise AssayError(
            "The result was measured and does not meet the requirement; it is not given out.",
            code="unverified",
            hint="This is a fault of the search; please report it. Another method may do.",
        )
    return anonymity_of(classes, told, tuple(quasi))
