"""Model inversion: peaks on members are a leak, the average of a class is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import assay
from assay.core.measure import Measure
from assay.data.inputs import ArrayInputs, TextInputs
from assay.engine.run import run
from assay.models.live import wrap
from assay.privacy.checks.inversion import inversion
from assay.privacy.inference.inversion.rebuild import GRADIENT, SEARCH, confidence, rebuild

torch.set_num_threads(1)
COLUMNS = list("abc")


def frame_of(n: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(n, 3)), columns=COLUMNS)
    made["y"] = np.where(made["a"] + rng.normal(size=n) > 0, "yes", "no")
    made["part"] = np.where(np.arange(n) % 3 == 0, "train", "test")
    return made


def case_of(frame: pd.DataFrame, model: Any, **roles: Any) -> assay.Case:
    given = {"label": "y", "split": "part", "features": COLUMNS, "favourable": "yes"}
    return assay.Case.from_frame(frame, model=model, **{**given, **roles})


def members(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["part"] == "train"]


class Kernel(torch.nn.Module):
    """Sure of a class next to its training rows only: a peak of the probability on each."""

    def __init__(self, frame: pd.DataFrame, width: float = 0.3) -> None:
        super().__init__()
        self.points = torch.tensor(frame[COLUMNS].to_numpy(), dtype=torch.float32)
        self.yes = torch.tensor((frame["y"] == "yes").to_numpy())
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        near = torch.exp(-((x[:, None] - self.points) ** 2).sum(-1) / 2 / self.width**2)
        sums = torch.stack([near[:, ~self.yes].sum(1), near[:, self.yes].sum(1)], 1) + 0.3
        return torch.log(sums)


def by_name(measures: Any) -> dict[str, Measure]:
    return {m.name + "".join(str(v) for v in m.slice.values()): m for m in measures}


def kernel(frame: pd.DataFrame, *, gradients: bool) -> Any:
    module = Kernel(members(frame))
    if gradients:
        return wrap(module, classes=["no", "yes"], features=COLUMNS, output="logits")

    def asked(rows: pd.DataFrame) -> np.ndarray:
        logits = module(torch.tensor(rows.to_numpy(), dtype=torch.float32))
        return torch.softmax(logits, dim=1).numpy().astype(np.float64)

    return wrap(asked, classes=["no", "yes"], features=COLUMNS)


@pytest.mark.parametrize("gradients", [True, False])
def test_a_model_with_peaks_on_its_rows_gives_them_away(gradients):
    frame = frame_of()
    model = kernel(frame, gradients=gradients)
    found = by_name(inversion(case_of(frame, model)))
    share = found["nearest_member_share"]
    assert share.value > 0.75
    assert share.interval.low > 0.5
    assert share.p_value < 0.01
    assert found["distance_auc"].value > found["blind_auc"].value
    assert found["confidenceyes"].value > 0.8
    assert (GRADIENT if gradients else SEARCH) in found["distance_auc"].method
    assert [note.id for note in found["distance_auc"].notes] == ["inversion-remembers"]


def test_the_average_of_a_class_is_no_leak():
    outside = 0
    for seed in range(12):
        frame = frame_of(600, seed)
        mine = members(frame)
        model = wrap(LogisticRegression().fit(mine[COLUMNS], mine["y"]))
        found = by_name(inversion(case_of(frame, model), seed=seed))
        area, share = found["distance_auc"].interval, found["nearest_member_share"].interval
        outside += not area.low <= 0.5 <= area.high
        outside += not share.low <= 0.5 <= share.high
        assert found["confidenceyes"].value > 0.95, "the class was found"
        assert not found["distance_auc"].notes or area.low > 0.5
    assert outside <= 3


def test_a_defence_hides_the_peaks():
    frame = frame_of()
    done = run(
        case_of(frame, kernel(frame, gradients=True)),
        checks=("privacy.inversion",),
        params={"privacy.inversion": {"defence": "round-outputs"}},
    )
    found = {f.measure.name: f for f in done.findings if not f.measure.slice}
    assert SEARCH in found["distance_auc"].measure.method, "who sees rounded answers sees no gradients"
    assert found["distance_auc"].params["defence"] == "round-outputs"


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("columns", [1, 2])
def test_the_gradient_is_climbed_whatever_the_network_puts_out(output, columns):
    """A linear network, whose surest input is a corner of the ranges."""

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            z = x[:, 0] - 2 * x[:, 1]
            both = torch.stack([torch.zeros_like(z), z], 1) if columns == 2 else z[:, None]
            if output == "logits":
                return both
            return torch.softmax(both, 1) if columns == 2 else torch.sigmoid(both)

    model = wrap(Net(), classes=["no", "yes"], features=["u", "v"], output=output)
    known = np.random.default_rng(1).uniform(-1, 1, (200, 2))
    for code, corner in ((1, [1, -1]), (0, [-1, 1])):
        found = rebuild(model, known, code, rng=np.random.default_rng(2))
        assert found.how == GRADIENT
        assert np.median(found.inputs, axis=0) == pytest.approx(corner, abs=0.1)
        assert found.confidence == pytest.approx(confidence(model, found.inputs, code))
        assert (np.abs(found.inputs) <= 1).all()


def test_tables_of_any_columns_are_searched():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "kind": rng.choice(["x", "y", None], 600),
            "count": rng.integers(0, 20, 600),
            "size": np.where(rng.random(600) < 0.1, np.nan, rng.normal(size=600)),
        }
    )
    frame["y"] = np.where(rng.random(600) < 0.5, "yes", "no")
    frame["part"] = np.where(np.arange(600) % 2, "train", "test")

    def sure(rows: pd.DataFrame) -> np.ndarray:
        assert (rows["count"] % 1 == 0).all()
        return 1 / (1 + np.exp(3 - 2.0 * (rows["kind"] == "x") - rows["count"] / 10 - rows["size"].fillna(-1)))

    model = wrap(sure, classes=["no", "yes"], features=["kind", "count", "size"])
    found = by_name(inversion(case_of(frame, model, features=["kind", "count", "size"])))
    assert found["distance_auc"].interval.low < 0.5 < found["distance_auc"].interval.high
    assert found["confidenceyes"].value > 0.9


def test_images_are_rebuilt():
    rng = np.random.default_rng(4)
    images = rng.integers(0, 255, (400, 4, 4)).astype(np.uint8)
    frame = pd.DataFrame({"y": np.where(images[:, 0, 0] > 127, "yes", "no")})
    frame["part"] = np.where(np.arange(400) % 2, "train", "test")

    class Pixel(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x[:, 0, 0] - 127)[:, None] / 30

    model = wrap(Pixel(), classes=["no", "yes"], output="logits")
    case = case_of(frame, model, features=[], inputs=ArrayInputs(images))
    found = by_name(inversion(case))
    assert found["confidenceyes"].value > 0.9
    assert found["distance_auc"].interval.low < 0.5 < found["distance_auc"].interval.high


def test_what_cannot_be_rebuilt_says_why():
    frame = frame_of(400)
    mine = members(frame)
    *_, labels = inversion(case_of(frame, wrap(LinearSVC().fit(mine[COLUMNS], mine["y"]))))
    assert labels.reason.id == "inversion-labels"
    frame["text"] = "a text"
    model = wrap(lambda texts: np.full(len(texts), 0.5), classes=["no", "yes"])
    *_, texts = inversion(case_of(frame, model, features=[], inputs=TextInputs("text")))
    assert texts.reason.id == "inversion-texts"
    frame["y"] = np.where(np.arange(400) < 390, "yes", "no")
    few = by_name(inversion(case_of(frame, wrap(LogisticRegression().fit(frame[COLUMNS], frame["y"])))))
    assert "20 of each are needed" in few["distance_aucno"].reason.text()
    assert few["distance_aucyes"].value is not None
