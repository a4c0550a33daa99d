"""A mitigated model behind the protocol of every other model, so that it is audited and served alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.core.errors import AssayError
from assay.fairness.mitigation.columns.tables import like
from assay.fairness.mitigation.mitigation import Mitigation
from assay.fairness.mitigation.saved.serving import Serving
from assay.models.adapter import Adapter
from assay.models.inputs import frame, matrix, select
from assay.models.outputs import Outputs


class MitigatedModel(Adapter):
    """A fitted mitigation as a Model: a batch is an Arrow table with the features, and what deciding needs beside them.

    `protected` names the columns of the protected attributes, in the order of fitting, and `subject` that of the ids;
    each is needed only where the method needs it, and then is one of `features`. `columns` names the features where the
    mitigation was fitted on an array. `serving` names the outcomes 0 and 1 and fills missing numbers. Where the
    attribute is needed, a group that was not there at fitting (also: no value) is an error that names it.
    """

    def __init__(
        self,
        fitted: Mitigation,
        /,
        *,
        protected: Sequence[str] = (),
        subject: str = "",
        columns: Sequence[str] = (),
        serving: Serving | None = None,
        digest: str = "not digested",
    ) -> None:
        fitted.check_fitted()
        self.fitted = fitted
        self.serving = serving or Serving()
        made = set(self.serving.filling.marks)
        self.columns = tuple(name for name in columns or fitted.features_ if name not in made)
        self.protected = tuple(protected) if fitted.needs_attribute_at_decision else ()
        self.subject = subject if fitted.randomised else ""
        if not self.columns:
            raise AssayError("The features have no names.", code="features", hint="Give columns=, in their order.")
        if fitted.needs_attribute_at_decision and len(self.protected) != len(fitted.groups_.attributes):
            raise AssayError(
                f"{fitted.id} needs the protected attributes {', '.join(fitted.groups_.attributes)} to decide.",
                code="protected",
                hint="Give protected=, the names of their columns.",
            )
        also = [*self.protected, *([self.subject] if self.subject else [])]
        super().__init__(
            name=f"mitigated model ({fitted.id})",
            digest=digest,
            task="binary",
            features=tuple(dict.fromkeys([*self.columns, *also])),
            classes=self.serving.classes,
            notes=_notes(self.protected, fitted, self.serving),
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Decisions and probabilities of one batch."""
        if self.fitted.randomised and not self.subject:
            raise AssayError(
                f"{self.fitted.id} draws decisions by the id of the subject, and no column names the subject.",
                code="subject",
                hint="Give unit=, or --unit COLUMN: a person is then decided alike for ever.",
            )
        table = select(inputs, self.features)
        x = self._features(table.select(list(self.columns)))
        given = {
            "protected": table.select(list(self.protected)) if self.protected else None,
            "ids": table.column(self.subject).to_pylist() if self.subject else None,
        }
        return Outputs(codes=self.fitted.predict(x, **given), scores=self.fitted.predict_proba(x, **given))

    def _features(self, table: Any) -> Any:
        """The features as the mitigation was fitted on them: a frame, or a matrix where they had no names."""
        if self.serving.filling.medians:
            table = like(table, self.serving.filling.fill(frame(table)).loc[:, list(self.fitted.features_)])
        if isinstance(self.fitted.estimator_, Adapter):
            return table
        return frame(table) if self.fitted.features_ else matrix(table)


def _notes(protected: Sequence[str], fitted: Mitigation, serving: Serving) -> list[str]:
    """Sentences on what deciding takes."""
    notes = [f"takes the protected attributes {', '.join(protected)} at decision time"] if protected else []
    if fitted.randomised:
        notes.append("decisions can be drawn, by a keyed hash of the subject")
    if serving.filling.medians:
        notes.append("a missing number counts as the median of the fitted rows")
    return [*notes, *([f"held out at fitting: {serving.division}"] if serving.division else [])]
