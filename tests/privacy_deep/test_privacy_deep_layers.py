"""Networks that mix examples are refused, by their layers or by what they do; the fix is offered, and behaves."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from assay.core.errors import AssayError
from assay.privacy.deep.gradients.layers import faults, fixed
from assay.privacy.deep.start import dp_training

torch.set_num_threads(1)


def rows(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def train(model, x, *, forward=None, parameters=None, **settings):
    """Two steps on `x`, ten rows expected a step."""
    optimizer = torch.optim.SGD(parameters or [p for p in model.parameters() if p.requires_grad], lr=0.1)
    loader = DataLoader(TensorDataset(x), batch_size=10)
    plan = {"noise_multiplier": 1.0, "delta": 1e-3, "steps": 2, "accountant": "rdp"} | settings
    with dp_training(model, optimizer, loader, **plan) as dp:
        for (batch,) in dp.loader:
            (forward or model)(batch).flatten(1).square().sum(1).mean().backward()
            optimizer.step()
    return dp


REFUSED = {
    "batch norm of rows": lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)),
    "batch norm without numbers": lambda: nn.Sequential(nn.BatchNorm1d(6, affine=False), nn.Linear(6, 2)),
    "statistics": lambda: nn.Sequential(nn.Linear(6, 2), nn.InstanceNorm1d(4, track_running_stats=True)),
    "attention": lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
    "recurrent": lambda: nn.LSTM(6, 3),
    "counted ids": lambda: nn.Embedding(6, 3, scale_grad_by_freq=True),
    "rescaled table": lambda: nn.Embedding(6, 3, max_norm=1.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_mix_or_hide_examples_are_refused_with_the_fix(name):
    with pytest.raises(AssayError, match="cannot be trained privately") as error:
        train(REFUSED[name](), rows(20, 6))
    assert error.value.code == "layers"
    assert "privacy.fixed(model)" in error.value.hint


@pytest.mark.parametrize("name", ["batch norm of rows", "batch norm without numbers", "statistics"])
def test_fixed_networks_train_and_answer_row_by_row(name):
    model = fixed(REFUSED[name]())
    x = rows(20, 6)
    if name == "statistics":
        x = rows(20, 4, 6)
    assert not list(faults(model))
    assert train(model, x).finished
    assert torch.allclose(model(x)[:1], model(x[:1]), atol=1e-5)


@pytest.mark.parametrize("features", [2, 8, 16, 32, 64])
def test_the_fix_of_batch_norm_does_not_answer_zero(features):
    """opacus#567: one feature in each group is normalised to zero, whatever it is; Opacus' fix does so up to 32."""
    model = fixed(nn.BatchNorm1d(features))
    answers = model(rows(5, features))
    assert bool((answers.abs().amax(1) > 0.1).all())
    pictures = fixed(nn.BatchNorm2d(features))(rows(5, features, 1, 1))
    assert bool((pictures.abs().amax((1, 2, 3)) > 0.1).all())
    with pytest.raises(AssayError, match="single feature"):
        fixed(nn.BatchNorm1d(1))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("mask", ["none", "padding", "boolean", "added"])
def test_fixed_attention_computes_what_torch_does(batch_first, mask):
    """Opacus 1.6 answers otherwise with batch_first and two heads."""
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(6, 2, batch_first=batch_first)
    x = rows(4, 3, 6) if batch_first else rows(3, 4, 6)
    above = torch.ones(3, 3).triu(1)
    padding = torch.zeros(4, 3, dtype=torch.bool)
    padding[0, 2] = True
    given = {
        "none": {},
        "padding": {"key_padding_mask": padding},
        "boolean": {"attn_mask": above.bool()},
        "added": {"attn_mask": -above * 7},
    }[mask]
    for mine, theirs in zip(fixed(layer)(x, x, x, **given), layer(x, x, x, **given), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_fixed_recurrent_layers_compute_what_torch_does():
    torch.manual_seed(0)
    for kind in (nn.LSTM, nn.GRU):
        layer, x = kind(6, 3, batch_first=True), rows(4, 5, 6)
        assert torch.allclose(fixed(layer)(x)[0], layer(x)[0], atol=1e-5)


def test_a_fixed_transformer_computes_what_it_did_and_trains():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
    model, x = fixed(layer), rows(30, 3, 6)
    assert torch.allclose(model(x), layer(x), atol=1e-5)
    assert train(model, x).finished
    assert train(fixed(layer), x, clipping="ghost").finished


def test_what_opacus_fixed_badly_is_seen_at_the_first_batch():
    model = nn.Sequential(nn.Linear(6, 8), nn.GroupNorm(8, 8), nn.Linear(8, 2))
    with pytest.raises(AssayError, match="answers zero"):
        train(model, rows(20, 6))


class Centred(nn.Module):
    """Takes off the mean over the batch: no layer says so."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(x) - self.out(x).mean(0)


class Remembers(nn.Module):
    """Keeps a mean of the data in a buffer."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x):
        self.mean += 0.1 * x.detach().mean(0)
        return self.out(x)


class Functional(nn.Module):
    """Uses a weight behind its layer's back."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 6)

    def forward(self, x):
        return self.out(x) + nn.functional.linear(x, self.out.weight)


class TimeFirst(nn.Module):
    """Its trained layer has the places first and the rows second: as many places as rows."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(x.transpose(0, 1)).transpose(0, 1)


@pytest.mark.parametrize(
    ("model", "x", "words"),
    [
        (Centred, rows(40, 6), "depends on the other examples"),
        (Remembers, rows(40, 6), "changes with the data, without noise"),
        (Functional, rows(40, 6), "do not add up"),
        (TimeFirst, rows(10, 10, 6), "depends on the other examples"),
    ],
)
def test_networks_that_mix_rows_are_seen_at_the_first_batch(model, x, words):
    settings = {"batch": 10, "examples": 10, "delta": 1e-3} if len(x) == 10 else {}
    with pytest.raises(AssayError, match=words):
        train(model(), x, **settings)


class Positions(nn.Module):
    """Looks its ten positions up once for all rows, or once for each."""

    def __init__(self, *, each):
        super().__init__()
        self.each, self.place, self.out = each, nn.Embedding(10, 6), nn.Linear(6, 2)

    def forward(self, x):
        places = torch.arange(10)
        return self.out((x + self.place(places.expand(len(x), 10) if self.each else places)).mean(1))


@pytest.mark.parametrize("sampling", ["fixed", "each-once"])
def test_as_many_positions_as_rows_are_no_rows(sampling):
    """In batches of ten their gradients looked like those of ten rows: a row could move each by the whole norm."""
    settings = {"batch": 10, "delta": 1e-3, "sampling": sampling}
    with pytest.raises(AssayError, match="not of the rows"):
        train(Positions(each=False), rows(40, 10, 6), **settings)
    assert train(Positions(each=True), rows(40, 10, 6), **settings).finished


def test_dropout_and_one_row_are_no_mixing():
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    assert train(model, rows(40, 6)).finished
    assert train(nn.Linear(6, 2), rows(2, 6), examples=100, delta=1e-3).finished


def test_frozen_batch_norm_may_stay_frozen():
    """Its statistics are public constants; put in training mode it would take them from the data."""
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    model[1].eval().requires_grad_(False)
    assert train(model, rows(40, 6)).finished

    def thawed(x):
        model.train()
        return model(x)

    model[1].eval()
    with pytest.raises(AssayError):
        train(model, rows(40, 6), forward=thawed)


def test_an_optimizer_of_another_model_is_refused():
    model = nn.Linear(6, 2)
    with pytest.raises(AssayError, match="numbers that the model does not have"):
        train(model, rows(20, 6), parameters=list(nn.Linear(6, 2).parameters()))


def test_numbers_that_another_optimizer_would_train_are_refused():
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 2))
    with pytest.raises(AssayError, match="another optimizer would see"):
        train(model, rows(20, 6), parameters=list(model[1].parameters()))
    model[0].requires_grad_(False)
    assert train(model, rows(20, 6)).finished


class Recurrent(nn.Module):
    """The last answer of an LSTM."""

    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


def test_a_fixed_recurrent_network_trains():
    assert train(fixed(Recurrent()), rows(30, 4, 6)).finished


def test_the_watch_waits_for_a_batch():
    """Public numbers that go through the model first do not use it up."""
    model = Centred()

    def forward(x):
        model(rows(3, 6))
        return model(x)

    with pytest.raises(AssayError):
        train(model, rows(40, 6), forward=forward)


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        ([1, 2], "no torch.utils.data.DataLoader"),
        (DataLoader(TensorDataset(torch.zeros(3, 6)), batch_size=None), "without making batches"),
    ],
)
def test_loaders_that_cannot_be_sampled_are_refused(loader, words):
    model = nn.Linear(6, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(AssayError, match=words):
        dp_training(model, optimizer, loader, noise_multiplier=1.0, delta=1e-3, steps=2)


def test_settings_are_known_by_name():
    model = nn.Linear(6, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.zeros(3, 6)), batch_size=1)
    with pytest.raises(AssayError, match="max_grad_norm"):
        dp_training(model, optimizer, loader, max_norm=1.0, delta=1e-3)
    with pytest.raises(AssayError, match="needs a delta"):
        dp_training(model, optimizer, loader, noise_multiplier=1.0)
    for wrong in (
        {"clipping": "flat"},
        {"sampling": "shuffle"},
        {"accountant": "gdp"},
        {"clipping": "ghost", "units": [0, 1, 2]},
    ):
        with pytest.raises(AssayError):
            dp_training(model, optimizer, loader, noise_multiplier=1.0, delta=1e-3, steps=1, **wrong)
