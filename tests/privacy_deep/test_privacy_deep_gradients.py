"""Gradients per example against autograd, one example at a time; their clipped sums on neighbouring data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.layers import DPLSTM
from torch import nn

from assay.core.errors import AssayError
from assay.privacy.deep.adaptive import AdaptiveClipping
from assay.privacy.deep.gradients.clipping import clipped_sum
from assay.privacy.deep.gradients.factors import Whole
from assay.privacy.deep.gradients.hooks import RowGradients
from assay.privacy.deep.tuning import head_only, lora, merged

torch.set_num_threads(1)
ROWS = 6


class Tied(nn.Module):
    """An embedding whose table is also the output layer, with padding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 5, padding_idx=0)
        self.out = nn.Linear(5, 11, bias=False)
        self.out.weight = self.table.weight

    def forward(self, ids):
        return self.out(self.table(ids).tanh()).mean(1)


class Twice(nn.Module):
    """The same layer two times, and a look at the answers in between that has no backward pass."""

    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Linear(7, 7), nn.Linear(7, 3)

    def forward(self, x):
        self.inner(x * 2)
        return self.out(self.inner(self.inner(x).tanh()))


class Own(nn.Module):
    """A layer that Opacus has no rule for."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(7, 3))

    def forward(self, x):
        return (x @ self.weight).sin()


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = DPLSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3)) * 2


def ids(*shape):
    return torch.randint(0, 11, shape, generator=torch.Generator().manual_seed(3))


NETWORKS = {
    "dense": (lambda: nn.Sequential(nn.Linear(7, 9), nn.ReLU(inplace=True), nn.Linear(9, 3)), numbers(ROWS, 7)),
    "sequence": (lambda: nn.Sequential(nn.Linear(7, 9), nn.LayerNorm(9), nn.Linear(9, 3)), numbers(ROWS, 4, 7)),
    "images": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(inplace=True), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(64, 3)
        ),
        numbers(ROWS, 2, 4, 4),
    ),
    "no bias": (lambda: nn.Sequential(nn.LayerNorm(7, bias=False), nn.Linear(7, 3, bias=False)), numbers(ROWS, 7)),
    "padding": (lambda: nn.Sequential(nn.Embedding(11, 3, padding_idx=0), nn.Tanh()), ids(ROWS, 5)),
    "tied": (Tied, ids(ROWS, 5)),
    "twice": (Twice, numbers(ROWS, 7)),
    "own": (Own, numbers(ROWS, 7)),
    "recurrent": (Recurrent, numbers(ROWS, 3, 4)),
}


def cost(answers):
    """What each row costs."""
    return answers.flatten(1).square().sum(1) + answers.flatten(1)[:, 0]


def one_by_one(model, rows):
    """The gradient of each row by autograd alone, as one vector."""
    found = []
    for row in rows:
        grads = torch.autograd.grad(cost(model(row[None]))[0], list(model.parameters()), allow_unused=True)
        found.append(torch.cat([g.flatten() for g in grads]))
    return torch.stack(found)


def hooked(model, rows, *, mean, ghost):
    """What the hooks found."""
    hooks = RowGradients(model, mean=mean, ghost=ghost)
    hooks.begin(len(rows))
    costs = cost(model(rows))
    (costs.mean() if mean else costs.sum()).backward()
    hooks.cleanup()
    return hooks.found


def vector(sums, model):
    return torch.cat([sums[p].flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ghost", [False, True], ids=["rows", "ghost"])
@pytest.mark.parametrize("mean", [False, True], ids=["sum", "mean"])
def test_gradients_are_those_of_each_row_alone(name, ghost, mean):
    torch.manual_seed(0)
    model, rows = NETWORKS[name][0](), NETWORKS[name][1]
    alone = one_by_one(model, rows)
    found = hooked(model, rows, mean=mean, ghost=ghost)
    squares = sum(gradient.squares() for (gradient,) in found.values())
    assert torch.allclose(squares.double(), alone.double().square().sum(1), rtol=1e-4)
    norm = float(alone.norm(dim=1).median())
    clipped = clipped_sum(found, norm=norm)
    expected = (alone * (norm / alone.norm(dim=1)).clamp(max=1)[:, None]).sum(0)
    assert torch.allclose(vector(clipped.sums, model), expected, rtol=1e-3, atol=1e-4 * norm)
    assert (clipped.count, clipped.bad, 0 < clipped.unclipped < ROWS) == (ROWS, 0, True)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ghost", [False, True], ids=["rows", "ghost"])
def test_a_row_changes_the_sum_by_at_most_the_norm(name, ghost):
    """Neighbours: the same data with any one row left out; nothing else of the batch is touched."""
    torch.manual_seed(0)
    model, rows = NETWORKS[name][0](), NETWORKS[name][1]
    norm = 0.05

    def total(kept):
        return vector(clipped_sum(hooked(model, kept, mean=True, ghost=ghost), norm=norm).sums, model)

    whole = total(rows)
    changes = [float((whole - total(torch.cat([rows[:i], rows[i + 1 :]]))).norm()) for i in range(ROWS)]
    assert max(changes) <= norm * (1 + 1e-4)
    assert min(changes) > 0.5 * norm


def test_the_rows_of_a_unit_are_clipped_as_one():
    torch.manual_seed(0)
    model, rows = NETWORKS["dense"][0](), NETWORKS["dense"][1]
    alone = one_by_one(model, rows)
    groups = torch.tensor([0, 1, 0, 2, 2, 2])
    people = torch.stack([alone[groups == person].sum(0) for person in range(3)])
    norm = float(people.norm(dim=1).median())
    found = clipped_sum(hooked(model, rows, mean=True, ghost=False), norm=norm, groups=groups)
    expected = (people * (norm / people.norm(dim=1)).clamp(max=1)[:, None]).sum(0)
    assert torch.allclose(vector(found.sums, model), expected, rtol=1e-3, atol=1e-4)
    without = clipped_sum(hooked(model, rows[:3], mean=True, ghost=False), norm=norm, groups=groups[:3])
    assert float((vector(found.sums, model) - vector(without.sums, model)).norm()) <= norm * (1 + 1e-4)


@given(
    st.lists(st.lists(st.floats(-1e30, 1e30, allow_subnormal=False), min_size=3, max_size=3), min_size=2, max_size=6),
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
    st.sampled_from([1e-3, 1.0, 50.0]),
)
@settings(max_examples=150, deadline=None)
def test_no_group_changes_a_sum_by_more_than_the_norm(numbers, people, norm):
    """Whatever the gradients are: huge ones, whose squares are beyond a float, too."""
    parameter = nn.Parameter(torch.zeros(3))
    rows, groups = torch.tensor(numbers), torch.tensor(people[: len(numbers)])

    def total(kept):
        _, place = torch.unique(groups[kept], return_inverse=True)
        return clipped_sum({parameter: [Whole(rows[kept])]}, norm=norm, groups=place).sums[parameter]

    everybody = torch.ones(len(rows), dtype=torch.bool)
    for person in set(groups.tolist()):
        kept = groups != person
        if bool(kept.any()):
            assert float((total(everybody) - total(kept)).double().norm()) <= norm * (1 + 1e-5)


def test_one_row_can_turn_its_microbatch_round():
    """The mean of a microbatch is clipped: with and without one row it may point to opposite sides, 2 C apart."""
    model = nn.Linear(1, 1, bias=False)
    rows = torch.tensor([[1.0], [1.0], [1.0], [-10.0]])

    def total(kept, groups):
        hooks = RowGradients(model, mean=True, ghost=False)
        hooks.begin(len(kept))
        model(kept).mean().backward()
        hooks.cleanup()
        return float(clipped_sum(hooks.found, norm=0.5, groups=torch.tensor(groups), mean=True).sums[model.weight])

    with_it, without = total(rows, [0, 0, 1, 1]), total(rows[:3], [0, 0, 1])
    assert abs(with_it - without) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("ghost", [False, True], ids=["rows", "ghost"])
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 3e38])
def test_gradients_that_are_not_finite_count_as_zero(ghost, poison):
    torch.manual_seed(0)
    model, rows = NETWORKS["dense"][0](), NETWORKS["dense"][1].clone()
    rows[2] = poison
    rest = torch.cat([rows[:2], rows[3:]])
    found = clipped_sum(hooked(model, rows, mean=False, ghost=ghost), norm=1.0)
    expected = clipped_sum(hooked(model, rest, mean=False, ghost=ghost), norm=1.0)
    assert torch.allclose(vector(found.sums, model), vector(expected.sums, model), atol=1e-5)
    assert (found.bad, expected.bad) == (1, 0)


def test_rows_that_are_not_those_of_the_batch_are_refused():
    model = nn.Linear(7, 3)
    hooks = RowGradients(model, mean=True, ghost=False)
    hooks.begin(ROWS)
    with pytest.raises(AssayError, match="gradients for 3 rows; the batch has 6"):
        model(NETWORKS["dense"][1][:3]).mean().backward()


def test_the_adaptive_norm_follows_the_noisy_share():
    """With b̃ = 0.5 ± 0.2 around the quantile 0.5: C exp(∓0.2 · 0.2), as algorithm 1 of arXiv 1905.03871 has it."""
    adaptive = AdaptiveClipping(quantile=0.5, rate=0.2)
    assert adaptive.moved(1.0, noisy_count=20.0, batch=100) == pytest.approx(0.9607894)
    assert adaptive.moved(1.0, noisy_count=-20.0, batch=100) == pytest.approx(1.0408108)
    assert adaptive.noise_on_count(100) == 5.0


def bert():
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, num_labels=3
    )
    return BertForSequenceClassification(config).train()


@pytest.mark.parametrize("way", ["lora", "head"])
def test_low_rank_changes_of_a_transformer_have_the_gradients_of_each_row(way):
    model = bert()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    if way == "lora":
        trained = lora(model, layers=("query", "value"), rank=2, also=("classifier",))
        for parameter in trained:
            nn.init.normal_(parameter, std=0.3)
    else:
        trained = head_only(model, ("bert.pooler", "classifier"))
    rows = ids(ROWS, 5)
    alone = []
    for row in rows:
        grads = torch.autograd.grad(cost(model(row[None]).logits)[0], trained)
        alone.append(torch.cat([g.flatten() for g in grads]))
    for ghost in (False, True):
        hooks = RowGradients(model, mean=True, ghost=ghost)
        hooks.begin(ROWS)
        cost(model(rows).logits).mean().backward()
        hooks.cleanup()
        assert set(hooks.found) == set(trained)
        for row in range(ROWS):
            one = torch.eye(ROWS)[row]
            mine = torch.cat([hooks.found[p][0].weighted(one).flatten() for p in trained])
            assert torch.allclose(mine, alone[row], rtol=1e-3, atol=1e-5)


def test_merged_changes_answer_alike():
    model = bert().eval()
    for parameter in lora(model, layers=("query",), rank=2):
        nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        before = model(ids(ROWS, 5)).logits
        after = merged(model)(ids(ROWS, 5)).logits
    assert torch.allclose(before, after, atol=1e-5)
    assert not any("down" in name for name in model.state_dict())


def test_unknown_layers_are_named():
    with pytest.raises(AssayError, match="query"):
        lora(bert(), layers=("qery",))
    with pytest.raises(AssayError, match="classifier"):
        head_only(bert(), "clasifier")
