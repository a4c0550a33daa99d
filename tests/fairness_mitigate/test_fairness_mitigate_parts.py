"""Every mitigation of the catalogue keeps one contract: declared, cloned, fitted, asked, saved, loaded and served."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from assay.core.errors import AssayError
from assay.core.part import Part
from assay.core.subject import Model
from assay.fairness import mitigate
from assay.fairness.mitigate.group_thresholds import GroupThresholds
from assay.fairness.mitigate.reweighing import Reweighing
from assay.fairness.mitigation.mitigation import Mitigation
from assay.fairness.mitigation.postprocessing import Postprocessing
from assay.fairness.mitigation.preprocessing import Preprocessing
from assay.fairness.mitigation.saved.folder import load, save
from assay.fairness.mitigation.saved.model import MitigatedModel
from assay.fairness.mitigation.saved.serving import Serving
from assay.models.structure.arrays import read_arrays, write_arrays


def declared():
    for info in pkgutil.iter_modules(mitigate.__path__):
        module = importlib.import_module(f"{mitigate.__name__}.{info.name}")
        yield from ((info.name, thing) for thing in vars(module).values() if isinstance(thing, Part))


PARTS = {part.id: part for _, part in declared()}
SMALL = {
    "group-thresholds": {"constraint": "equalized-odds", "tolerance": 0.0, "randomised": True},
    "reject-option": {"tolerance": 0.1},
    "multicalibration": {"minimum": 0.05},
    "calibrated-equalized-odds": {"cost": "sum"},
    "suppression": {"association": 0.3, "folds": 2},
}


def inner(id, model):
    """The estimator a method gets: the features of one method are a matrix of numbers."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression() if id == "correlation-remover" else model


@pytest.fixture(
    scope="module",
    params=sorted(id for id, part in PARTS.items() if issubclass(part.make, Preprocessing | Postprocessing)),
)
def fitted(request, table, model):
    part = PARTS[request.param]
    made = part.make(inner(part.id, model), **SMALL.get(part.id, {}))
    return made.fit(table.x, table.y, protected=table.s)


def answers(one, table, x=None):
    x = table.x if x is None else x
    ids = range(len(table.y))
    return one.predict_proba(x, protected=table.s, ids=ids), one.predict(x, protected=table.s, ids=ids)


def test_there_is_one_method_a_file_with_its_paper():
    assert len(PARTS) == len(list(declared())) == len(list(pkgutil.iter_modules(mitigate.__path__)))
    for module, part in declared():
        assert part.id == module.replace("_", "-")
        assert part.kind == "mitigation"
        assert issubclass(part.make, Mitigation)
        assert part.make.id == part.id
        assert "Source: " in part.statement
        needs = part.make.needs_attribute_at_decision
        assert ("At decision time: needs the protected attribute." in part.statement) == needs
        assert ("At decision time: no protected attribute." in part.statement) == (not needs)
        assert ("Randomised:" in part.statement) == part.make.randomised
        assert part.make.__doc__


def test_listing_the_catalogue_loads_nothing_heavy():
    names = [info.name for info in pkgutil.iter_modules(mitigate.__path__)]
    code = (
        "import importlib, json, sys\n"
        f"[importlib.import_module('assay.fairness.mitigate.' + name) for name in {names!r}]\n"
        "heavy = {'sklearn', 'scipy.stats', 'scipy.optimize', 'pandas', 'pyarrow', 'skops', 'torch', 'onnxruntime'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []


def test_scikit_learn_clones_it_and_finds_it_fitted(fitted):
    from sklearn.base import clone, is_classifier
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(fitted)
    again = clone(fitted)
    assert not hasattr(again, "groups_")
    settings = fitted.get_params(deep=False)
    assert {k: v for k, v in again.get_params(deep=False).items() if k != "estimator"} == {
        k: v for k, v in settings.items() if k != "estimator"
    }
    assert is_classifier(fitted)
    assert any(name.startswith("estimator__") for name in fitted.get_params())
    again.set_params(**settings)
    assert again.estimator is fitted.estimator
    with pytest.raises(AssayError, match=r"Unknown parameter of .* 'no_such'"):
        again.set_params(no_such=1)
    with pytest.raises(AssayError, match="not fitted"):
        again.predict([[1]], protected=["a"])
    assert repr(fitted).startswith(type(fitted).__name__ + "(")


def test_it_answers_like_a_classifier_and_twice_alike(fitted, table):
    scores, decisions = answers(fitted, table)
    assert scores.shape == (600, 2)
    assert scores.sum(axis=1) == pytest.approx(np.ones(600))
    assert (scores >= -1e-12).all()
    assert set(decisions) <= {0, 1}
    assert fitted.classes_.tolist() == [0, 1]
    for first, second in zip((scores, decisions), answers(fitted, table), strict=True):
        assert np.array_equal(first, second)


def test_the_attribute_is_asked_for_where_it_is_needed_and_only_there(fitted, table):
    if fitted.needs_attribute_at_decision:
        with pytest.raises(AssayError, match="needs the protected attribute at decision time"):
            fitted.predict_proba(table.x, ids=range(600))
    else:
        assert np.array_equal(fitted.predict_proba(table.x), answers(fitted, table)[0])


def test_it_is_saved_without_pickle_and_loads_alike(fitted, table, tmp_path):
    save(fitted, tmp_path / "model")
    back = load(tmp_path / "model", parts=PARTS, isolate=False)
    assert type(back) is type(fitted)
    assert back.groups_ == fitted.groups_
    for first, second in zip(answers(fitted, table), answers(back, table), strict=True):
        assert second == pytest.approx(first, abs=1e-9)
    save(back, tmp_path / "again")
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert {"mitigation.json", "state.npz", "estimator.skops"} <= set(files)
    assert ("draw.key" in files) == fitted.randomised
    if fitted.randomised:
        assert (tmp_path / "model" / "draw.key").stat().st_mode & 0o077 == 0


def test_it_is_a_model_like_any_other(fitted, table):
    batch = (
        pa.Table.from_pandas(table.x)
        .append_column("sex", pa.array(list(table.s)))
        .append_column("id", pa.array(range(600)))
    )
    served = MitigatedModel(fitted, protected=["sex"], subject="id", serving=Serving(("no", "yes")))
    assert isinstance(served, Model)
    scores, decisions = answers(fitted, table)
    assert served.predict(batch).tolist() == np.array(["no", "yes"])[decisions].tolist()
    assert served.scores(batch) == pytest.approx(scores)
    needed = {"sex"} if fitted.needs_attribute_at_decision else set()
    needed |= {"id"} if fitted.randomised else set()
    assert set(served.features) == {"skill", "income", "area"} | needed
    if needed:
        with pytest.raises(AssayError, match="columns that the data lack"):
            served.predict(pa.Table.from_pandas(table.x))


def test_a_loaded_model_serves_batches_from_a_child_process(table, model, tmp_path):
    fitted = GroupThresholds(model, tolerance=0.05).fit(table.x, table.y, protected=table.s)
    save(fitted, tmp_path / "model")
    served = MitigatedModel(load(tmp_path / "model", parts=PARTS), protected=["sex"])
    batch = pa.Table.from_pandas(table.x).append_column("sex", pa.array(list(table.s)))
    assert served.predict(batch).tolist() == fitted.predict(table.x, protected=table.s).astype(str).tolist()


def test_lightgbm_is_saved_as_its_own_text_and_scores_need_no_estimator(table, tmp_path):
    from lightgbm import LGBMClassifier

    x = table.x[["skill", "income"]].to_numpy()
    booster = LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1).fit(x, table.y)
    fitted = GroupThresholds(booster, prefit=True, tolerance=0.05).fit(x, table.y, protected=table.s)
    save(fitted, tmp_path / "model")
    assert (tmp_path / "model" / "estimator.txt").read_text().startswith("tree")
    back = load(tmp_path / "model", parts=PARTS, isolate=False)
    assert np.array_equal(back.predict(x, protected=table.s), fitted.predict(x, protected=table.s))
    alone = GroupThresholds(tolerance=0.05).fit(x[:, 0], table.y, protected=table.s)
    save(alone, tmp_path / "alone")
    assert sorted(path.name for path in (tmp_path / "alone").iterdir()) == ["mitigation.json", "state.npz"]
    again = load(tmp_path / "alone", parts=PARTS)
    assert np.array_equal(again.predict(x[:, 0], protected=table.s), alone.predict(x[:, 0], protected=table.s))


def broken(folder, change):
    """The folder after `change` of its facts."""
    path = folder / "mitigation.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.update(format=2), "format is not 1"),
        (lambda f: f.update(part="no-such"), "Unknown mitigation 'no-such'"),
        (lambda f: f["params"].update(no_such=1), "no setting 'no_such'"),
        (lambda f: f["files"].update({"../secret": "sha256:0"}), "names files that are none of a mitigation"),
        (lambda f: f["files"].update({"state.npz": "sha256:0"}), "state.npz was changed after it was saved"),
        (lambda f: f["state"].update({"classes_": [1, 2]}), "nothing that a mitigation learns"),
        (lambda f: f["state"].update({"predict": 1}), "nothing that a mitigation learns"),
        (lambda f: f.pop("groups"), "lacks groups"),
    ],
)
def test_a_folder_that_was_tampered_with_does_not_open(change, said, table, tmp_path):
    save(GroupThresholds(tolerance=0.1).fit(table.x["skill"], table.y, protected=table.s), tmp_path / "model")
    with pytest.raises(AssayError, match=said):
        load(broken(tmp_path / "model", change), parts=PARTS)


def test_a_folder_that_is_there_is_not_written_over(table, tmp_path):
    fitted = GroupThresholds(tolerance=0.1).fit(table.x["skill"], table.y, protected=table.s)
    with pytest.raises(AssayError, match="cannot be written"):
        save(fitted, tmp_path)
    with pytest.raises(AssayError, match="not fitted"):
        save(GroupThresholds(), tmp_path / "new")
    with pytest.raises(AssayError, match="cannot be read"):
        load(tmp_path / "nothing", parts=PARTS)


def test_forged_arrays_claim_no_memory_and_hold_no_objects():
    import io
    import zipfile

    good = {"a_": np.arange(6.0).reshape(2, 3), "b_": np.array([], dtype=np.int64)}
    assert {name: value.tolist() for name, value in read_arrays(write_arrays(good)).items()} == {
        "a_": [[0, 1, 2], [3, 4, 5]],
        "b_": [],
    }
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    objects = io.BytesIO()
    np.lib.format.write_array(objects, np.array([{}], dtype=object), allow_pickle=True)
    for data, kind in (
        (header.getvalue(), zipfile.ZIP_STORED),
        (objects.getvalue(), 0),
        (b"\0" * 10**6, zipfile.ZIP_DEFLATED),
    ):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", kind) as archive:
            archive.writestr("a_.npy", data)
        with pytest.raises(AssayError, match="cannot be read"):
            read_arrays(out.getvalue())
    with pytest.raises(AssayError, match="cannot be read"):
        read_arrays(b"no archive")


def test_scikit_learn_cross_validates_a_method_that_decides_without_the_attribute(table, model):
    from sklearn.model_selection import cross_val_predict

    out = cross_val_predict(Reweighing(model), table.x, table.y, cv=3, params={"protected": table.s})
    assert (out == table.y).mean() > 0.6


def test_scores_to_learn_from_are_made_by_copies_that_have_not_seen_the_row(table):
    seen = []

    class Parrot:
        classes_ = np.array([0, 1])

        def get_params(self, deep=True):
            return {}

        def fit(self, X, y):
            self.known = dict(zip(X["skill"], y, strict=True))
            return self

        def predict_proba(self, X):
            found = np.array([self.known.get(v, 0.5) for v in X["skill"]], dtype=float)
            return np.column_stack([1 - found, found])

    class Watcher(Postprocessing):
        def learn(self, rows):
            seen.append(rows.score)

    Watcher(Parrot()).fit(table.x, table.y, protected=table.s)
    assert (seen[0] == 0.5).all()
    Watcher(Parrot().fit(table.x, table.y), prefit=True).fit(table.x, table.y, protected=table.s)
    assert np.array_equal(seen[1], table.y)
    with pytest.raises(AssayError, match="leaves no rows to learn from"):
        Watcher(Parrot(), folds=1).fit(table.x, table.y, protected=table.s)


@pytest.mark.parametrize(
    ("y", "s", "w", "said"),
    [
        ([0, 1, 2], list("aab"), None, "not coded as 0 and 1"),
        ([0, 1], list("aab"), None, "Rows do not match: X 3, y 2, protected 3"),
        ([0, 1, 0], None, None, "protected attribute of each row is missing"),
        ([0, 1, 0], list("aab"), [1, -1, 1], "Weights must be finite"),
        ([0, 1, 0], list("aab"), [1, 1, 0], "The rows of 'b' weigh nothing"),
    ],
)
def test_rows_that_do_not_fit_are_errors(y, s, w, said, model):
    with pytest.raises(AssayError, match=said):
        Reweighing(model).fit(np.ones((3, 1)), y, protected=s, sample_weight=w)
