"""What `assay model convert` converts: pickles, torch archives, Keras models. Opened only in a child process
or where a pickle was allowed by name."""

from __future__ import annotations

import io
import pickle
import zlib

from assay.core.errors import AssayError
from assay.models.adapter import UNREADABLE, Adapter, excerpt
from assay.models.formats import ModelFile
from assay.models.live import wrap

_FAILURES: tuple[type[Exception], ...] = (*UNREADABLE, pickle.UnpicklingError, zlib.error)


def open_file(file: ModelFile, /) -> Adapter:
    """The model of a pickle, torch archive or Keras model."""
    if file.kind == "pickle":
        return _unpickle(file)
    from assay.models.convert import deep

    return deep.open_torch(file) if file.kind == "torch" else deep.KerasModel(file)


def _unpickle(file: ModelFile) -> Adapter:
    """The estimator of a pickle or joblib file. This runs the program that the file holds."""
    import joblib

    try:
        found = joblib.load(io.BytesIO(file.data))
    except _FAILURES as error:
        raise AssayError(
            f"{file.name} cannot be unpickled: {type(error).__name__}: {excerpt(error, limit=200)}.",
            code="pickle",
            hint="Install the libraries it was made with, in their versions, and look at what it tried to do.",
        ) from error
    model = wrap(found, task=file.task, classes=file.classes)
    if not isinstance(model, Adapter):
        raise AssayError(f"{file.name} holds no estimator.", code="pickle", hint="Pickle the fitted estimator itself.")
    model.name, model.digest, model.pickled = file.name, file.digest, True
    return model
