"""How much each column added to the model's answer for a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, MissingExtra
from assay.explain.columns import Columns, Floats
from assay.explain.target import Scale

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Attributions:
    """`values` (rows, columns): what each column added to `outputs` (rows,), from `base` (rows,) on.

    `rows` (rows, columns) are the explained rows as numbers of `columns`. `target` is what is explained, for people,
    `scale` what its numbers are: "probability", "log-odds", "value" or "decision"; they are never mixed. `origin` says
    what the rows were compared with. `errors` (rows, columns) are Monte-Carlo standard errors of sampled values, None
    where nothing was sampled. `additive` says that base and values sum to the output by construction. `tolerance`
    (rows,) is how far they may miss it by the arithmetic of the model (float32) before it is a defect. `facts` are
    further numbers a row: the fit of a local model, its stability. `settings` repeat the call.
    """

    method: str
    columns: Columns
    rows: Floats
    values: Floats
    base: Floats
    outputs: Floats
    target: str
    scale: Scale
    origin: str = ""
    places: tuple[int, ...] = ()
    errors: Floats | None = None
    additive: bool = True
    tolerance: Floats | None = None
    facts: Mapping[str, Floats] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, width = self.values.shape
        shapes = {"rows": self.rows.shape == (n, width), "base": self.base.shape == (n,)}
        shapes |= {"outputs": self.outputs.shape == (n,), "columns": len(self.columns) == width}
        wrong = [name for name, right in shapes.items() if not right]
        if wrong:
            raise ValueError(f"{self.method}: {', '.join(wrong)} do not belong to values of shape {self.values.shape}")
        if not (np.isfinite(self.values).all() and np.isfinite(self.base).all()):
            raise ValueError(f"{self.method}: a value is not finite")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def residual(self) -> Floats:
        """(rows,) output − base − Σ values: what the explanation leaves unexplained."""
        return np.asarray(self.outputs - self.base - self.values.sum(axis=1))

    @property
    def holds(self) -> np.ndarray:
        """(rows,) True where base + Σ = output within 1e-6·(1 + Σ|φ|) and the arithmetic of the model."""
        slack = 1e-6 * (1 + np.abs(self.values).sum(axis=1))
        return np.asarray(np.abs(self.residual) <= slack + (0.0 if self.tolerance is None else self.tolerance))

    def importance(self) -> Floats:
        """(columns,) mean absolute value over the rows: a global importance. Source: Lundberg et al. (2020)."""
        return np.asarray(np.abs(self.values).mean(axis=0))

    def as_list(self, row: int = 0, /, *, top: int | None = None) -> list[tuple[str, float]]:
        """("column = value", what it added) of one row, the largest first."""
        self._known(row)
        shown = self.columns.show(self.rows[row])
        order = np.argsort(-np.abs(self.values[row]), kind="stable")[:top]
        return [(f"{self.columns.names[i]} = {shown[i]}", float(self.values[row, i])) for i in order]

    def _known(self, row: int) -> None:
        if not 0 <= row < len(self):
            raise AssayError(
                f"There is no explained row {row}.", code="row", hint=f"They are numbered from 0 to {len(self) - 1}."
            )

    def of(self, rows: Sequence[int], /) -> Attributions:
        """The same for some of the rows."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            rows=self.rows[chosen],
            values=self.values[chosen],
            base=self.base[chosen],
            outputs=self.outputs[chosen],
            errors=None if self.errors is None else self.errors[chosen],
            tolerance=None if self.tolerance is None else self.tolerance[chosen],
            places=tuple(self.places[i] for i in chosen) if self.places else (),
            facts={name: value[chosen] for name, value in self.facts.items()},
        )

    def to_frame(self) -> pd.DataFrame:
        """One line for each row and column: row, column, value of the column, what it added, its error."""
        import pandas as pd

        n, width = self.values.shape
        data: dict[str, Any] = {
            "row": np.repeat(self.places or range(n), width),
            "column": list(self.columns.names) * n,
            "shown": [text for row in self.rows for text in self.columns.show(row)],
            "added": self.values.ravel(),
        }
        if self.errors is not None:
            data["standard_error"] = self.errors.ravel()
        return pd.DataFrame(data)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types; what is missing in a row is None."""
        return {
            "method": self.method,
            "target": self.target,
            "scale": self.scale,
            "origin": self.origin,
            "columns": list(self.columns.names),
            "rows": [_row_json(self, i) for i in range(len(self))],
            "settings": dict(self.settings),
        }

    def _repr_html_(self) -> str:
        from assay.explain.drawing import notebook

        return notebook(self)

    def to_shap(self) -> Any:
        """A `shap.Explanation`, which every plot of shap takes; extra [explain].

        `data` are numbers, categories their codes, as the plots need them to order and colour; `display_data` has the
        names of the categories.
        """
        try:
            from shap import Explanation  # type: ignore[import-untyped, unused-ignore]
        except ImportError as error:
            raise MissingExtra("A shap.Explanation", extra="explain") from error
        shown = np.array([self.columns.show(row) for row in self.rows], dtype=object)
        return Explanation(
            values=self.values.copy(),
            base_values=self.base.copy(),
            data=self.rows.copy(),
            display_data=np.where(self.columns.nominal, shown, self.rows.astype(object)),
            feature_names=list(self.columns.names),
            output_names=self.target,
            error_std=None if self.errors is None else self.errors.copy(),
        )


def _row_json(found: Attributions, i: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "row": found.places[i] if found.places else None,
        "shown": list(found.columns.show(found.rows[i])),
        "base": float(found.base[i]),
        "output": float(found.outputs[i]),
        "added": found.values[i].tolist(),
        "residual": float(found.residual[i]),
    }
    if found.errors is not None:
        out["standard_errors"] = found.errors[i].tolist()
    return out | {name: float(value[i]) for name, value in found.facts.items()}
