"""Gradients of torch networks over tables: closed forms, Captum's own numbers, and nothing left behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients
from torch import nn

import assay
from assay.core.errors import AssayError
from assay.explain.deep import rows
from assay.explain.deep.methods.integrated import Precision
from assay.explain.explainers.gradient_shap import gradient_shap
from assay.explain.explainers.integrated_gradients import integrated_gradients
from assay.explain.explainers.occlusion import occlusion
from assay.explain.explainers.smooth_grad import smooth_grad
from assay.explain.question import question
from assay.models.live import wrap

NAMES = ["age", "count", "member", "rate"]
ALL = (integrated_gradients, smooth_grad, gradient_shap, occlusion)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def frame(n: int = 60) -> pd.DataFrame:
    draws = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "age": draws.normal(0, 1, n),
            "count": draws.integers(0, 5, n),
            "member": np.ones(n, dtype=bool),
            "rate": draws.normal(1, 2, n),
            "label": np.where(draws.random(n) < 0.5, "no", "yes"),
        }
    )


def asked(module, *, classes=("no", "yes"), form="logits", features=NAMES, **settings):
    data = frame()
    if not classes:
        data["label"] = data["age"] * 2.0
    model = wrap(module, classes=classes or None, output=form, features=features)
    favourable = {"favourable": "yes"} if classes else {"task": "regression"}
    case = assay.Case.from_frame(data, label="label", features=NAMES, model=model, **favourable)
    return question(case, range(12), background=40, **settings)


def linear(weights=(1.5, -2.0, 0.25, 3.0), outputs=1):
    module = nn.Linear(4, outputs)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weights).reshape(outputs, 4) if outputs == 1 else module.weight)
    return module


def network(outputs=1, act=nn.ReLU):
    return nn.Sequential(nn.Linear(4, 16), act(), nn.Linear(16, 16), act(), nn.Linear(16, outputs))


def test_a_linear_network_has_its_coefficients_times_the_distance():
    about = asked(linear(), classes=None, form="values")
    weights = np.array([1.5, -2.0, 0.25, 3.0])
    mean = about.background.mean(axis=0)
    mean[2] = 1.0  # "true" is the only level of member: its place is 0, its number 1
    inputs = about.rows.copy()
    inputs[:, 2] = 1.0
    expected = weights * (inputs - mean)
    for explain in (integrated_gradients.make, smooth_grad.make, occlusion.make):
        found = explain(about)
        np.testing.assert_allclose(found.values, expected, atol=2e-5)
        np.testing.assert_allclose(found.residual, 0, atol=1e-4)
        np.testing.assert_allclose(found.outputs, about.target(about.rows), atol=1e-6)
        assert found.origin == "the mean of 40 rows of the data, drawn with seed 0"
        assert found.scale == "value"
    slopes = smooth_grad.make(about, meaning="slopes")
    np.testing.assert_allclose(slopes.values, np.broadcast_to(weights, expected.shape), atol=1e-6)
    np.testing.assert_allclose(slopes.errors, 0, atol=1e-6)


def test_expected_gradients_of_a_linear_network_within_their_errors():
    about = asked(linear(), classes=None, form="values")
    found = gradient_shap.make(about, samples=2000)
    expected = np.array([1.5, -2.0, 0.25, 3.0]) * (about.rows - about.background.mean(axis=0))
    off = np.abs(found.values - expected)
    assert (off <= 4 * found.errors + 1e-6).all()
    assert found.errors[:, 0].max() < 0.05
    assert (np.abs(found.residual) <= 4 * found.facts["sum_error"]).all()
    again = gradient_shap.make(about, samples=2000)
    np.testing.assert_array_equal(found.values, again.values)
    alone = gradient_shap.make(about.of(about.rows[3:4]), samples=2000)
    np.testing.assert_allclose(alone.values[0], found.values[3], rtol=1e-5, atol=1e-6)


def test_monte_carlo_errors_are_those_of_repeated_runs():
    about = asked(network(act=nn.Tanh))
    runs = [rows.gradient_shap(replace(about, seed=s), samples=100) for s in range(60)]
    spread = np.std([run.values for run in runs], axis=0, ddof=1)
    stated = np.mean([run.errors for run in runs], axis=0)
    live = stated > 1e-6
    assert 0.9 < (spread[live] / stated[live]).mean() < 1.1


@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh, nn.GELU])
@pytest.mark.parametrize(
    ("outputs", "form", "scale"),
    [(1, "logits", "probability"), (2, "logits", "log-odds"), (2, "logits", "value"), (2, "probabilities", "log-odds")],
)
def test_integrated_gradients_are_complete_and_those_of_captum(act, outputs, form, scale):
    module = network(outputs, act)
    if form == "probabilities":
        module.append(nn.Softmax(dim=1))
    about = asked(module, form=form)
    found = integrated_gradients.make(about, scale=scale, baseline="zeros")
    assert found.additive
    assert found.holds.all()
    assert (np.abs(found.residual) <= 1e-3 * (1 + np.abs(found.outputs - found.base))).all()
    if scale == "probability":
        np.testing.assert_allclose(found.outputs, about.target(about.rows), atol=1e-6)

    def forward(x):
        logits = module(x)
        if form == "probabilities":
            return torch.logit(logits[:, 1])
        if scale == "probability":
            return torch.sigmoid(logits[:, 0])
        return logits[:, 1] - logits[:, 0] if scale == "log-odds" else logits[:, 1]

    inputs = about.rows.copy()
    inputs[:, 2] = 1.0
    points = torch.tensor(inputs, dtype=torch.float32)
    precise = IntegratedGradients(forward).attribute(points, n_steps=500, method="riemann_middle")
    np.testing.assert_allclose(found.values, precise.detach().numpy(), atol=4e-3)


def test_steps_are_raised_until_the_sum_holds_and_an_incomplete_row_says_so():
    module = nn.Sequential(nn.Linear(4, 1), nn.Hardtanh(-0.05, 0.05))
    about = asked(module, classes=None, form="values")
    easy = rows.integrated_gradients(about, precision=Precision(2, 1024, 1e-3))
    assert easy.additive
    assert easy.facts["steps"].max() > 2
    hard = rows.integrated_gradients(about, precision=Precision(2, 4, 1e-6))
    assert not hard.additive
    late = hard.facts["complete"] == 0
    assert late.any()
    assert (np.abs(hard.residual[late]) > 1e-6).all()
    assert not hard.holds[late].any()
    assert hard.facts["steps"][late].max() == 4


def test_occlusion_is_the_difference_by_brute_force():
    module = network(3)
    data_classes = ("no", "yes", "never")
    about = asked(module, classes=data_classes, output="no")
    found = occlusion.make(about, baseline="zeros")
    inputs = about.rows.copy()
    inputs[:, 2] = 1.0
    for j in range(4):
        covered = inputs.copy()
        covered[:, j] = 0
        with torch.no_grad():
            here, there = (
                torch.softmax(module(torch.tensor(x, dtype=torch.float32)), 1)[:, 0] for x in (inputs, covered)
            )
        np.testing.assert_allclose(found.values[:, j], (here - there).numpy(), atol=1e-6)
    assert found.target == "P(no)"
    assert not found.additive


def test_the_first_of_two_classes_of_one_logit_has_the_opposite_values():
    about, other = asked(module := network()), asked(module, output="no")
    for scale in ("probability", "log-odds", "value"):
        one = rows.integrated_gradients(about, scale=scale)
        two = rows.integrated_gradients(other, scale=scale)
        np.testing.assert_allclose(one.values, -two.values, atol=1e-5)
    assert two.target == "logit of no"


def test_columns_are_those_of_the_model_in_its_order():
    module = nn.Linear(2, 1)
    about = asked(module, classes=None, form="values", features=["rate", "age"])
    found = integrated_gradients.make(about, baseline=[0.5, -1.0])
    assert found.columns.names == ("rate", "age")
    assert found.origin == "a given row"
    weights = module.weight.detach().numpy()[0]
    np.testing.assert_allclose(found.values, weights * (about.rows - [0.5, -1.0]), atol=1e-5)


@pytest.mark.parametrize("explainer", ALL)
def test_dropout_and_batch_norm_stay_as_they_were(explainer):
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 1))
    with torch.no_grad():
        for _ in range(20):
            module(torch.randn(64, 4) * 2 + 1)
    about = asked(module)
    module.train()
    module[3].eval()
    modes = [part.training for part in module.modules()]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module[0].weight.grad = torch.full_like(module[0].weight, 7.0)
    first, second = explainer.make(about), explainer.make(about)
    np.testing.assert_array_equal(first.values, second.values)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert (module[0].weight.grad == 7).all()
    assert module[4].weight.grad is None
    assert not any(part._forward_hooks or part._backward_hooks for part in module.modules())


def test_what_cannot_be_explained_says_why():
    from sklearn.linear_model import LogisticRegression

    data = frame()
    fitted = LogisticRegression().fit(data[["age", "rate"]].to_numpy(), data["label"])
    model = wrap(fitted, features=["age", "rate"])
    case = assay.Case.from_frame(data, label="label", favourable="yes", features=["age", "rate"], model=model)
    with pytest.raises(AssayError, match="no torch network in this process"):
        integrated_gradients.make(question(case, [0]))
    about = asked(network())
    with pytest.raises(AssayError, match="Unknown baseline 'median'"):
        rows.integrated_gradients(about, baseline="median")
    with pytest.raises(AssayError, match="no row of 4 columns"):
        rows.occluded(about, baseline=[1.0, 2.0])
    with pytest.raises(AssayError, match="Unknown scale"):
        rows.integrated_gradients(about, scale="decision")
    with pytest.raises(AssayError, match="most ≥ steps"):
        integrated_gradients.make(about, steps=10, most=5)
    with pytest.raises(AssayError, match="no error"):
        gradient_shap.make(about, samples=1)
    with pytest.raises(AssayError, match="Noise must be above 0"):
        smooth_grad.make(about, noise=0.0)
    with pytest.raises(AssayError, match="Unknown method 'lime'"):
        rows.explain(about, method="lime")
    with pytest.raises(AssayError, match="could not be explained on these inputs"):
        rows.explain(_narrow(about))


def _narrow(about):
    """The question with a network of another width, found out only when it is asked."""
    model = wrap(nn.Linear(7, 1), classes=("no", "yes"), output="logits", features=NAMES)
    return replace(about, target=replace(about.target, model=model))


def test_a_jump_that_no_gradient_shows_is_left_and_said():
    class Step(nn.Module):
        def forward(self, x):
            return (x[:, :1] > 0.3).float() + x[:, 1:2]

    about = asked(Step(), classes=None, form="values")
    found = rows.integrated_gradients(about, baseline="zeros")
    over = about.rows[:, 0] > 0.3
    assert over.any()
    np.testing.assert_allclose(found.residual, np.where(over, 1.0, 0.0), atol=1e-5)
    np.testing.assert_array_equal(found.facts["complete"], ~over)
    assert found.facts["steps"].max() < 400
    assert not found.additive


def test_exported_programs_are_explained_as_the_module_they_came_from():
    module = network().eval()
    shapes = ({0: torch.export.Dim("rows", min=1)},)
    program = torch.export.export(module, (torch.zeros(3, 4),), dynamic_shapes=shapes).module()
    one, two = (rows.integrated_gradients(asked(each)) for each in (module, program))
    np.testing.assert_allclose(one.values, two.values, atol=1e-6)
