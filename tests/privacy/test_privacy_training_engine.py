"""The private engine: gradients against autograd, sensitivity on neighbours, and what a step may and may not show."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.training.descent import train, train_without_privacy
from assay.privacy.training.examples import examples
from assay.privacy.training.network import Architecture, Network, Output
from assay.privacy.training.optimizers import Stepping, optimizer_of
from assay.privacy.training.sampling import GaussianNoise, insecure_generator, poisson_sample, system_generator

torch.set_num_threads(1)
MODELS = {
    "linear": Architecture(5, Output.NUMBER),
    "logistic": Architecture(5, Output.BINARY),
    "softmax": Architecture(5, Output.CLASSES, 4),
    "mlp relu": Architecture(5, Output.CLASSES, 4, (7, 6), "relu"),
    "mlp tanh": Architecture(5, Output.BINARY, 1, (6,), "tanh"),
    "mlp number": Architecture(5, Output.NUMBER, 1, (6, 3), "tanh"),
}
NAMES = list(MODELS)


def targets(architecture: Architecture, n: int, rng: np.random.Generator) -> np.ndarray:
    if architecture.output is Output.NUMBER:
        return rng.normal(size=n) * 3
    return rng.integers(0, 2 if architecture.output is Output.BINARY else architecture.outputs, n)


def network(architecture: Architecture, seed: int, dtype: type = np.float64) -> Network:
    made = Network(architecture, dtype=dtype)
    made.theta[:] = np.random.default_rng(seed).normal(size=made.theta.size)
    return made


def per_example(net: Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(rows, parameters) by torch's autograd, one row at a time."""
    arch = net.architecture
    theta = torch.tensor(net.theta, dtype=torch.float64, requires_grad=True)
    found = []
    for row, target in zip(x, y, strict=True):
        out, start = torch.tensor(row, dtype=torch.float64), 0
        for place, (a, b) in enumerate(itertools.pairwise(arch.sizes)):
            weight = theta[start : start + a * b].reshape(a, b)
            out = out @ weight + theta[start + a * b : start + (a + 1) * b]
            start += (a + 1) * b
            if place < len(arch.sizes) - 2:
                out = torch.relu(out) if arch.activation == "relu" else torch.tanh(out)
        if arch.output is Output.NUMBER:
            loss = (out[0] - float(target)) ** 2 / 2
        elif arch.output is Output.BINARY:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(out[0], torch.tensor(float(target)).double())
        else:
            loss = torch.nn.functional.cross_entropy(out[None], torch.tensor([int(target)]))
        (gradient,) = torch.autograd.grad(loss, theta)
        found.append(gradient.numpy())
    return np.array(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bound", [0.3, 1.0, 50.0])
def test_the_clipped_sum_is_that_of_autograd(name, bound):
    arch, rng = MODELS[name], np.random.default_rng(3)
    x, y = rng.normal(size=(40, 5)) * 2, targets(MODELS[name], 40, rng)
    for dtype, tolerance in ((np.float64, 1e-9), (np.float32, 2e-4)):
        net = network(arch, 1, dtype)
        data = examples(x, y, architecture=arch, dtype=dtype)
        gradients = per_example(net, data.x.astype(float), y)
        clipped = gradients * np.minimum(1, bound / np.linalg.norm(gradients, axis=1))[:, None]
        net.sum_clipped(data.x, data.y, data.reach, bound=bound)
        np.testing.assert_allclose(net.gradient, clipped.sum(axis=0), atol=tolerance * max(1, bound))
        net.sum_gradient(data.x, data.y)
        np.testing.assert_allclose(net.gradient, gradients.sum(axis=0), atol=1e-6 if dtype is np.float64 else 1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_one_example_gradient_is_that_of_autograd_within_a_millionth(name):
    arch, rng = MODELS[name], np.random.default_rng(4)
    x, y = rng.normal(size=(20, 5)), targets(MODELS[name], 20, rng)
    net = network(arch, 2)
    data = examples(x, y, architecture=arch, dtype=np.float64)
    for i, wanted in enumerate(per_example(net, data.x, y)):
        net.sum_clipped(data.x[[i]], data.y[[i]], data.reach[[i]], bound=1e9)
        np.testing.assert_allclose(net.gradient, wanted, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_counts_with_its_summed_gradient(name):
    arch, rng = MODELS[name], np.random.default_rng(5)
    x, y = rng.normal(size=(30, 5)), targets(MODELS[name], 30, rng)
    units = rng.integers(0, 9, 30)
    net = network(arch, 3)
    data = examples(x, y, architecture=arch, units=units, most=30, dtype=np.float64)
    gradients = per_example(net, x, y)
    wanted = np.zeros(arch.parameters)
    for unit in np.unique(units):
        total = gradients[units == unit].sum(axis=0)
        wanted += total * min(1, 0.7 / np.linalg.norm(total))
    batch = data.batch(np.arange(data.units))
    net.sum_clipped(batch.x, batch.y, batch.reach, bound=0.7, rows_per_unit=data.rows_per_unit)
    np.testing.assert_allclose(net.gradient, wanted, atol=1e-5)


def clipped_sum(net: Network, arch: Architecture, x, y, units, bound) -> np.ndarray:
    data = examples(x, y, architecture=arch, units=units, most=3, dtype=net.theta.dtype)
    batch = data.batch(np.arange(data.units))
    net.sum_clipped(batch.x, batch.y, batch.reach, bound=bound, rows_per_unit=data.rows_per_unit)
    return net.gradient.astype(float).copy()


HOSTILE = st.sampled_from([0.0, 1.0, -3.0, 1e4, -1e18, 1e30, 3e38, np.inf, -np.inf, np.nan])


@settings(max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    rows=st.lists(st.lists(HOSTILE, min_size=5, max_size=5), min_size=1, max_size=6),
    bound=st.sampled_from([0.1, 1.0, 10.0]),
    by_unit=st.booleans(),
    seed=st.integers(0, 20),
)
def test_without_one_unit_the_sum_moves_by_no_more_than_the_bound(name, rows, bound, by_unit, seed):
    arch, rng = MODELS[name], np.random.default_rng(seed)
    x = np.concatenate([rng.normal(size=(6, 5)), np.array(rows)])
    y = targets(arch, len(x), rng)
    units = rng.integers(0, 4, len(x)) if by_unit else None
    net = network(arch, seed, np.float32)
    net.theta *= 20
    whole = clipped_sum(net, arch, x, y, units, bound)
    assert np.isfinite(whole).all()
    for dropped in np.unique(units) if by_unit else range(len(x)):
        kept = units != dropped if by_unit else np.arange(len(x)) != dropped
        if not kept.any():
            continue
        other = clipped_sum(net, arch, x[kept], y[kept], units[kept] if by_unit else None, bound)
        assert np.linalg.norm(whole - other) <= bound * (1 + 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_that_are_not_finite_count_as_zero(name):
    arch, rng = MODELS[name], np.random.default_rng(6)
    x, y = rng.normal(size=(8, 5)), targets(MODELS[name], 8, rng).astype(float)
    net = network(arch, 4)
    good = clipped_sum(net, arch, x, y, None, 1.0)
    bad_x = np.concatenate([x, [[np.nan, 0, 0, 0, 0], [np.inf, 1, 1, 1, 1], [0, 0, 0, 0, -np.inf]]])
    bad_y = np.concatenate([y, y[:3]])
    np.testing.assert_allclose(clipped_sum(net, arch, bad_x, bad_y, None, 1.0), good, atol=1e-12)
    unknown = np.concatenate([y, [np.nan, np.nan, np.inf]])
    also = np.concatenate([x, x[:3]])
    np.testing.assert_allclose(clipped_sum(net, arch, also, unknown, None, 1.0), good, atol=1e-12)


def test_a_network_that_overflows_within_passes_nothing_on():
    arch = MODELS["mlp relu"]
    net = network(arch, 5, np.float32)
    net.theta[:] = 1e30
    data = examples(np.full((4, 5), 1e18), np.zeros(4, int), architecture=arch)
    assert data.units == 4
    net.sum_clipped(data.x, data.y, data.reach, bound=1.0)
    assert np.isfinite(net.gradient).all()


@pytest.mark.parametrize("far", [1e18, 8e18, 1e21, 1e30, 1e38])
def test_a_tiny_residual_of_a_huge_row_stays_within_the_bound(far):
    """The squares of residuals below 4e-23 are zero in single precision; times the row they were gradients of 1e14."""
    arch = Architecture(1, Output.CLASSES, 3)
    net = Network(arch)
    for certain in range(30, 105, 3):
        net.theta[:] = 0
        net.weights[0][0, 0] = certain / far
        sums = clipped_sum(net, arch, [[far]], [0], None, 1.0) if far < 1e19 else None
        assert examples([[far]], [0], architecture=arch).units == (far < 1e19)
        assert sums is None or np.linalg.norm(sums) <= 1


@pytest.mark.parametrize("target", [1e20, 3e32, 8.2585e32, 7e36])
def test_a_huge_target_of_a_unit_stays_within_a_small_bound(target):
    """What a gradient of 1e41 is multiplied by is no number that single precision knows to more than a few bits."""
    arch = Architecture(1, Output.NUMBER)
    for bound in np.geomspace(1e-3, 1, 40):
        sums = clipped_sum(Network(arch), arch, [[7.57595e8]], [target], [0], bound)
        assert np.linalg.norm(sums) <= bound


def test_long_gradients_that_cancel_in_a_unit_stay_within_the_bound():
    arch = Architecture(2, Output.NUMBER)
    net = Network(arch)
    for far in (1e3, 1e5, 1e6):
        x = np.array([[far, 1.0], [-far, 1.0]])
        data = examples(x, [-1.0, -1.0 - 3e-3], architecture=arch, units=[0, 0], most=2)
        batch = data.batch(np.arange(1))
        net.sum_clipped(batch.x, batch.y, batch.reach, bound=1.0, rows_per_unit=2)
        assert np.linalg.norm(net.gradient.astype(float)) <= 1 + 1e-4


def test_most_rows_of_a_unit_are_kept_by_chance_and_no_more():
    arch, rng = MODELS["linear"], np.random.default_rng(0)
    units = np.repeat([0, 1, 2], [50, 2, 1])
    seen: set[int] = set()
    for _ in range(30):
        data = examples(
            rng.normal(size=(53, 5)), np.arange(53.0), architecture=arch, units=units, most=4, generator=rng
        )
        assert (data.members >= 0).sum(axis=1).tolist() == [4, 2, 1]
        for unit, members in enumerate(data.members):
            assert set(units[members[members >= 0]]) == {unit}
        seen |= set(data.members[0].tolist())
    assert len(seen) > 40


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 3, 8191, 8192, 8193, 30_000])
def test_noise_is_handed_out_once(size, dtype):
    noise = GaussianNoise(system_generator(), np.zeros(size, dtype), deviation=2.0)
    drawn = np.concatenate([noise.draw().copy() for _ in range(max(7, 20_000 // size))])
    assert drawn.dtype == dtype
    assert np.unique(drawn).size > 0.99 * drawn.size
    assert stats.kstest(drawn, stats.norm(0, 2).cdf).pvalue > 1e-6


def test_noise_is_normal_far_out_and_independent():
    noise = GaussianNoise(insecure_generator(5), np.zeros(2_000_000, np.float32), deviation=1.0)
    z = noise.draw().astype(float)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    for edge in (2, 3, 4, 4.5):
        expected = len(z) * 2 * stats.norm.sf(edge)
        assert abs((np.abs(z) > edge).sum() - expected) < 5 * np.sqrt(expected)
    pairs = z[: len(z) // 8192 * 8192].reshape(-1, 2, 4096)
    for one, two in ((pairs[:, 0], pairs[:, 1]), (z[:-1], z[1:])):  # of one pair; neighbours
        for power in (1, 2):
            a, b = one.ravel() ** power, two.ravel() ** power
            assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(len(a))
    assert np.abs(z).max() > 4.9


def test_batches_are_poisson():
    rng = system_generator()
    sizes, hits = [], np.zeros(300)
    for _ in range(4000):
        chosen = poisson_sample(300, rate=0.05, generator=rng)
        assert len(set(chosen.tolist())) == len(chosen)
        sizes.append(len(chosen))
        hits[chosen] += 1
    counts = np.bincount(sizes, minlength=40)[:40]
    expected = stats.binom.pmf(np.arange(40), 300, 0.05) * 4000
    cells = expected > 8
    assert ((counts - expected)[cells] ** 2 / expected[cells]).sum() < stats.chi2.isf(1e-6, cells.sum())
    assert ((hits - 200) ** 2 / (200 * 0.95)).sum() < stats.chi2.isf(1e-6, 300)
    assert poisson_sample(0, rate=0.5, generator=rng).size == 0


def test_no_two_generators_of_the_system_are_alike_and_none_keeps_a_seed():
    one, two = system_generator(), system_generator()
    assert (one.integers(0, 1 << 62, 4) != two.integers(0, 1 << 62, 4)).all()
    assert one.bit_generator.seed_seq.entropy == 0


def plan(**changes) -> Plan:
    return Plan(**{"examples": 50, "batch": 10, "noise_multiplier": 1.0, "steps": 20} | changes)


def test_noise_has_the_planned_size_and_the_divisor_is_public():
    """One step from zero with no rows: the noise alone, over the public batch."""
    arch = Architecture(3000, Output.NUMBER)
    data = examples(np.zeros((3, 3000)), [np.nan] * 3, architecture=arch)
    assert data.units == 0
    still = Stepping(learning_rate=1.0, momentum=0, averaged=0)
    for bound, sigma in ((1.0, 1.0), (0.5, 3.0)):
        made = train(
            data,
            arch,
            plan(steps=1, max_grad_norm=bound, noise_multiplier=sigma, examples=50, batch=25),
            stepping=still,
        )
        drawn = made.network.theta * 25
        assert stats.kstest(drawn, stats.norm(0, sigma * bound).cdf).pvalue > 1e-6
        assert made.not_private == ()
        assert made.diagnostics == {}


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_divisor_does_not_follow_the_number_of_rows(n):
    """With no noise to speak of and every row in, the step is the clipped sum over the PUBLIC batch."""
    arch = Architecture(1, Output.NUMBER)
    data = examples(np.zeros((n, 1)), np.full(n, 5.0), architecture=arch)
    how = Stepping(learning_rate=1.0, momentum=0, averaged=0)
    made = train(data, arch, plan(examples=4, batch=4, steps=1, noise_multiplier=1e-6), stepping=how)
    np.testing.assert_allclose(made.network.theta, [0, n / 4], atol=1e-4)


def test_training_learns_and_a_seed_or_diagnostics_take_the_promise_away():
    rng, arch = np.random.default_rng(1), Architecture(3, Output.BINARY)
    x = rng.uniform(-1, 1, (3000, 3))
    y = (x @ [3, -2, 1] + 0.3 > 0).astype(int)
    data = examples(x, y, architecture=arch)
    given_plan = plan(examples=3000, batch=300, steps=100, noise_multiplier=2.0)
    seeded = [train(data, arch, given_plan, insecure_seed=7) for _ in range(2)]
    np.testing.assert_array_equal(seeded[0].network.theta, seeded[1].network.theta)
    assert "seed" in seeded[0].not_private[0]
    accuracy = ((seeded[0].network.margins(data.x)[:, 0] > 0) == y).mean()
    assert accuracy > 0.93
    watched = train(data, arch, given_plan, diagnostics="not private")
    assert len(watched.diagnostics["rows"]) == 100
    assert watched.diagnostics["loss"][-1] < watched.diagnostics["loss"][0]
    assert "diagnostics" in watched.not_private[0]
    unseeded = [train(data, arch, given_plan).network.theta for _ in range(2)]
    assert not np.array_equal(unseeded[0], unseeded[1])
    plain = train_without_privacy(data, arch, batch=300, steps=100, stepping=Stepping(), seed=0)
    assert plain.not_private


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_optimizers_are_those_of_torch(name):
    rng = np.random.default_rng(0)
    theta = rng.normal(size=6)
    leaf = torch.tensor(theta.copy(), requires_grad=True)
    theirs = torch.optim.SGD([leaf], lr=0.1, momentum=0.9) if name == "sgd" else torch.optim.Adam([leaf], lr=0.1)
    ours = optimizer_of(Stepping(optimizer=name, learning_rate=0.1, momentum=0.9), like=theta)
    for _ in range(30):
        gradient = rng.normal(size=6)
        leaf.grad = torch.tensor(gradient.copy())
        theirs.step()
        ours.step(theta, gradient.copy())
    np.testing.assert_allclose(theta, leaf.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": Sampling.EACH_ONCE},
        {"sampling": Sampling.CUSTOM},
        {"microbatches": 5},
        {"clip_count_noise": 3.0},
        {"unit": "person", "max_rows": 2},
    ],
)
def test_a_plan_that_the_engine_does_not_follow_is_refused(changes):
    arch = MODELS["linear"]
    data = examples(np.zeros((3, 5)), [0.0, 1, 2], architecture=arch)
    with pytest.raises(AssayError) as caught:
        train(data, arch, plan(**changes))
    assert caught.value.code == "plan"


def test_mistakes_are_named():
    with pytest.raises(AssayError, match="layer"):
        Architecture(3, Output.BINARY, 1, (0,))
    with pytest.raises(AssayError, match="activation"):
        Architecture(3, Output.BINARY, 1, (2,), "swish")
    with pytest.raises(AssayError, match="columns"):
        examples(np.zeros((3, 2)), [0, 1, 2], architecture=MODELS["linear"])
    with pytest.raises(AssayError, match="optimizer"):
        Stepping(optimizer="lion")
    with pytest.raises(AssayError, match="learning rate"):
        Stepping(learning_rate=float("nan"))
