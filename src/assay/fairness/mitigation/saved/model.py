"""A mitigated model behind the protocol of every other model, so that it is audited and served alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.core.errors import AssayError
from assay.fairness.mitigation.mitigation import Mitigation
from assay.models.adapter import Adapter
from assay.models.inputs import frame, matrix, select
from assay.models.outputs import Outputs


class MitigatedModel(Adapter):
    """A fitted mitigation as a Model: a batch is an Arrow table with the features, and what deciding needs beside them.

    `protected` names the columns of the protected attributes, in the order of fitting, and `subject` that of the ids;
    each is needed only where the method needs it, and then is one of `features`. `columns` names the features where the
    mitigation was fitted on an array. `classes` are the names of the outcomes 0 and 1.
    """

    def __init__(
        self,
        fitted: Mitigation,
        /,
        *,
        protected: Sequence[str] = (),
        subject: str = "",
        columns: Sequence[str] = (),
        classes: Sequence[str] = ("0", "1"),
        digest: str = "not digested",
    ) -> None:
        fitted.check_fitted()
        self.fitted = fitted
        self.columns = tuple(columns or fitted.features_)
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
            classes=classes,
        )

    def compute(self, inputs: Any, /) -> Outputs:
        """Decisions and probabilities of one batch."""
        table = select(inputs, self.features)
        x = self._features(table.select(list(self.columns)))
        given = {
            "protected": table.select(list(self.protected)) if self.protected else None,
            "ids": table.column(self.subject).to_pylist() if self.subject else None,
        }
        return Outputs(codes=self.fitted.predict(x, **given), scores=self.fitted.predict_proba(x, **given))

    def _features(self, table: Any) -> Any:
        """The features as the mitigation was fitted on them: a frame, or a matrix where they had no names."""
        if isinstance(self.fitted.estimator_, Adapter):
            return table
        return frame(table) if self.fitted.features_ else matrix(table)
