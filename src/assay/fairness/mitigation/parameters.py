"""Keywords of a constructor as scikit-learn reads and sets them, without importing scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, Self

from assay.core.errors import unknown


class Parametrised:
    """An object whose constructor keeps each argument, unchanged, in the attribute of the same name.

    This is what `sklearn.base.clone` asks of an estimator; `estimator__name` reaches into a nested one.
    """

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Names of the constructor's arguments."""
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument by name; with `deep` also those of nested estimators, as `outer__inner`."""
        found = {name: getattr(self, name) for name in self.parameter_names()}
        if deep:
            for name, value in tuple(found.items()):
                if hasattr(value, "get_params") and not isinstance(value, type):
                    found |= {f"{name}__{inner}": setting for inner, setting in value.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """The same object with the arguments replaced; an unknown name is an error."""
        for name, value in params.items():
            outer, _, inner = name.partition("__")
            if outer not in self.parameter_names():
                raise unknown(f"parameter of {type(self).__name__}", name, self.parameter_names(), code="parameter")
            if inner:
                getattr(self, outer).set_params(**{inner: value})
            else:
                setattr(self, outer, value)
        return self

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.get_params(deep=False).items())
        return f"{type(self).__name__}({shown})"

    def __sklearn_tags__(self) -> Any:
        """A binary classifier that needs its labels."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(allow_nan=True),
        )
