"""Images and series: the methods for tensors against Captum's own, closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import GradientShap, LayerGradCam, LayerIntegratedGradients, NoiseTunnel, Occlusion, Saliency
from sklearn.datasets import load_digits
from torch import nn

from assay.core.errors import AssayError
from assay.explain.deep import layers, tensors
from assay.explain.deep.attention import attention
from assay.explain.deep.methods.integrated import Precision
from assay.explain.deep.tensors import Settings
from assay.models.live import wrap


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return (data.images[:, None] / 16).astype(np.float32), data.target


@pytest.fixture(scope="module")
def net(digits):
    """A small convolutional network that knows most digits; its ReLUs work in place."""
    torch.manual_seed(1)
    images, labels = (torch.tensor(each) for each in digits)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(256, 10),
    )
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    for _ in range(40):
        chosen = torch.randperm(len(images))[:200]
        loss = nn.functional.cross_entropy(module(images[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    module.zero_grad()
    return module.train()


@pytest.fixture(scope="module")
def model(net):
    return wrap(net, classes=[str(i) for i in range(10)], output="logits")


def logit(net, digit):
    """Captum's oracle: the logit of a digit of a copy in evaluation mode."""
    from copy import deepcopy

    still = deepcopy(net).eval()
    return lambda batch: still(batch.clone())[:, digit]


@pytest.mark.parametrize("scale", ["probability", "log-odds", "value"])
def test_integrated_gradients_of_images_are_complete(net, model, digits, scale):
    images = digits[0][:20]
    found = tensors.explain(model, images, output="3", scale=scale)
    assert found.values.shape == images.shape
    assert found.additive
    assert (np.abs(found.residual) <= 1e-3 * (1 + np.abs(found.outputs - found.base))).all()
    assert found.holds.all()
    assert found.origin == "zeros"
    if scale == "probability":
        np.testing.assert_allclose(found.outputs, model.scores(images)[:, 3], atol=1e-6)
    assert found.heat(2).shape == (8, 8)
    assert len(found.to_json()["rows"]) == 20


def test_integrated_gradients_of_images_are_those_of_captum(net, model, digits):
    from captum.attr import IntegratedGradients

    images, base = digits[0][:10], digits[0][100:200].mean(axis=0)
    found = tensors.explain(model, images, output="3", scale="value", background=digits[0][100:200])
    assert found.origin == "the mean of 100 background rows"
    oracle = IntegratedGradients(logit(net, 3)).attribute(
        torch.tensor(images), torch.tensor(base[None]), n_steps=400, method="riemann_middle"
    )
    np.testing.assert_allclose(found.values, oracle.detach().numpy(), atol=5e-3)


def test_smooth_grad_is_that_of_captum_within_the_errors(net, model, digits):
    images = digits[0][:4]
    settings = Settings(samples=400, noise=0.1, seed=3)
    found = tensors.explain(model, images, method="smooth-grad", output="3", scale="value", settings=settings)
    assert found.settings["deviation"] == pytest.approx(0.1)
    torch.manual_seed(5)
    oracle = NoiseTunnel(Saliency(logit(net, 3))).attribute(
        torch.tensor(images), nt_samples=400, stdevs=0.1, abs=False, nt_type="smoothgrad"
    )
    off = np.abs(found.values - oracle.detach().numpy())
    assert (off <= 5 * np.sqrt(2) * found.errors + 1e-6).mean() > 0.995
    assert not found.additive
    again = tensors.explain(
        model,
        images[2:3],
        method="smooth-grad",
        output="3",
        scale="value",
        settings=Settings(samples=400, noise=0.1 / np.ptp(images[2]) * np.ptp(images), seed=3),
    )
    np.testing.assert_allclose(again.values[0], found.values[2], atol=1e-5)


def test_gradient_shap_is_that_of_captum_within_the_errors(net, model, digits):
    images, background = digits[0][:3], digits[0][100:150]
    found = tensors.explain(
        model,
        images,
        method="gradient-shap",
        output="3",
        scale="value",
        background=background,
        settings=Settings(samples=800),
    )
    torch.manual_seed(5)
    np.random.seed(5)
    oracle = GradientShap(logit(net, 3)).attribute(
        torch.tensor(images), torch.tensor(background), n_samples=800, stdevs=0.0
    )
    off = np.abs(found.values - oracle.detach().numpy())
    assert (off <= 5 * np.sqrt(2) * found.errors + 1e-6).mean() > 0.99
    assert (np.abs(found.residual) <= 4 * found.facts["sum_error"]).all()


def test_occlusion_with_overlapping_windows_is_that_of_captum_and_of_brute_force(net, model, digits):
    images = digits[0][:5]
    settings = Settings(window=(1, 3, 3), stride=(1, 2, 2))
    found = tensors.explain(model, images, method="occlusion", output="3", scale="value", settings=settings)
    oracle = Occlusion(logit(net, 3)).attribute(torch.tensor(images), (1, 3, 3), (1, 2, 2))
    np.testing.assert_allclose(found.values, oracle.numpy(), atol=1e-5)
    blocks = tensors.explain(
        model, images, method="occlusion", output="3", scale="value", settings=Settings(window=(1, 4, 4))
    )
    ask = logit(net, 3)
    with torch.no_grad():
        for top in (0, 4):
            for left in (0, 4):
                covered = images.copy()
                covered[:, :, top : top + 4, left : left + 4] = 0
                drop = (ask(torch.tensor(images)) - ask(torch.tensor(covered))).numpy()
                part = blocks.values[:, 0, top : top + 4, left : left + 4]
                np.testing.assert_allclose(part, np.broadcast_to(drop[:, None, None], part.shape), atol=1e-5)


def test_the_network_stays_as_it_was(net, model, digits):
    images = digits[0][:3]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    net[1].eval()
    modes = [part.training for part in net.modules()]
    kept = images.copy()
    for method in tensors.METHODS:
        tensors.explain(model, images, method=method, background=digits[0][:9])
    layers.activations(model, images, layer="0")
    layers.layer_integrated_gradients(model, images, layer="4")
    layers.grad_cam(model, images, layer="4")
    with pytest.raises(AssayError, match="could not be explained on these inputs"):
        layers.grad_cam(model, images[:, :, :5], layer="4")
    assert [part.training for part in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks or part._backward_hooks for part in net.modules())
    np.testing.assert_array_equal(images, kept)


def test_layer_views_are_those_of_captum_and_stand_in_place_operations(net, model, digits):
    from copy import deepcopy

    images = torch.tensor(digits[0][:6])
    still = deepcopy(net).eval()
    still[2].inplace = still[5].inplace = False
    with torch.no_grad():
        np.testing.assert_allclose(layers.activations(model, images, layer="4"), still[:5](images).numpy(), atol=1e-5)

    def ask(batch):
        return still(batch)[:, 3]

    oracle = LayerIntegratedGradients(ask, still[4]).attribute(
        images, torch.zeros_like(images), n_steps=400, method="riemann_middle"
    )
    found = layers.layer_integrated_gradients(model, images, layer="4", output="3", scale="value")
    np.testing.assert_allclose(found.values, oracle.detach().numpy(), atol=5e-3)
    assert found.additive
    np.testing.assert_allclose(found.facts["around"], 0, atol=1e-4)
    cam = layers.grad_cam(model, images, layer="4", output="3", scale="value")
    expected = torch.relu(LayerGradCam(ask, still[4]).attribute(images)).detach()
    np.testing.assert_allclose(cam.maps, expected[:, 0].numpy(), atol=1e-5)
    assert cam.heat.shape == (6, 8, 8)


def test_a_layer_beside_which_much_passes_says_how_much():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x):
            return self.outer(torch.tanh(self.inner(x)) + x)

    module = Skip()
    inputs = np.random.default_rng(0).normal(size=(5, 3))
    found = layers.layer_integrated_gradients(module, inputs, layer="inner")
    weights = module.outer.weight.detach().numpy()[0]
    np.testing.assert_allclose(found.facts["around"], inputs @ weights, atol=1e-5)
    assert found.additive


def test_unknown_layers_and_wrong_inputs_are_named(model, digits):
    images = digits[0][:2]
    with pytest.raises(AssayError, match=r"Unknown layer '9'.*Known: 0, 1, 2"):
        layers.activations(model, images, layer="9")
    with pytest.raises(AssayError, match="could not be explained on these inputs"):
        tensors.explain(model, images[:, :, :5])
    with pytest.raises(AssayError, match="rows"):
        tensors.explain(model, images[0, 0, 0])
    with pytest.raises(AssayError, match="missing or infinite"):
        tensors.explain(model, np.where(images > 0.9, np.nan, images))
    with pytest.raises(AssayError, match="Unknown class of the model 'ten'"):
        tensors.explain(model, images, output="ten")
    with pytest.raises(AssayError, match="does not fit inputs"):
        tensors.explain(model, images, baseline=np.zeros(3))
    with pytest.raises(AssayError, match="needs a background"):
        tensors.explain(model, images, method="gradient-shap")
    with pytest.raises(AssayError, match="does not cover inputs"):
        tensors.explain(model, images, method="occlusion", settings=Settings(window=(1, 9, 9)))
    with pytest.raises(AssayError, match="Unknown method"):
        tensors.explain(model, images, method="lime")
    with pytest.raises(AssayError, match="needs images"):
        layers.grad_cam(model, images, layer="8")
    with pytest.raises(AssayError, match="output 12 of"):
        tensors.explain(model.module, images, output=12)
    with pytest.raises(AssayError, match="bare torch module"):
        tensors.explain(model.module, images, output="3")
    with pytest.raises(AssayError, match="no torch network"):
        tensors.explain(object(), images)
    with pytest.raises(AssayError, match="tolerance above 0"):
        Precision(tolerance=0.0)


class Reader(nn.Module):
    """A small transformer over sequences of four numbers."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x).mean(dim=1))


def test_attention_by_layer_and_head_is_the_softmax_of_queries_and_keys():
    module = Reader().eval()
    inputs = np.random.default_rng(0).normal(size=(3, 5, 4))
    with torch.no_grad():
        before = module(torch.tensor(inputs, dtype=torch.float32))
    found = attention(module, inputs)
    assert found.layers == ("encoder.layers.0.self_attn", "encoder.layers.1.self_attn")
    assert [each.shape for each in found.weights] == [(3, 2, 5, 5)] * 2
    first = module.encoder.layers[0].self_attn
    flat = torch.tensor(inputs, dtype=torch.float32)
    query, key, _ = (
        (flat @ first.in_proj_weight.T + first.in_proj_bias)
        .detach()
        .numpy()
        .reshape(3, 5, 3, 2, 2)
        .transpose(2, 0, 3, 1, 4)
    )
    raw = np.exp(query @ key.transpose(0, 1, 3, 2) / np.sqrt(2))
    np.testing.assert_allclose(found.weights[0], raw / raw.sum(axis=-1, keepdims=True), atol=1e-5)
    halves = [each.mean(axis=1) / 2 + np.eye(5) / 2 for each in found.weights]
    np.testing.assert_allclose(found.rollout(), halves[1] @ halves[0], atol=1e-12)
    np.testing.assert_allclose(found.rollout().sum(axis=2), 1, atol=1e-6)
    np.testing.assert_array_equal(found.of(found.layers[1], head=1), found.weights[1][:, 1])
    assert "not an attribution" in found.statement
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.tensor(inputs, dtype=torch.float32)), before, atol=1e-6)
    with pytest.raises(AssayError, match="no head 2"):
        found.of(found.layers[0], head=2)
    with pytest.raises(AssayError, match="Unknown attention layer"):
        found.of("encoder")
    with pytest.raises(AssayError, match=r"no torch\.nn\.MultiheadAttention"):
        attention(nn.Linear(2, 1), inputs[:, :, 0])


def test_a_transformer_has_complete_integrated_gradients():
    module = Reader()
    inputs = np.random.default_rng(1).normal(size=(4, 5, 4))
    found = tensors.explain(module, inputs, output=1)
    assert found.additive
    assert found.values.shape == inputs.shape


def test_callers_of_attention_get_what_they_asked_for():
    class Asking(nn.Module):
        def __init__(self):
            super().__init__()
            self.look = nn.MultiheadAttention(4, 2, batch_first=True)
            self.shapes = []

        def forward(self, x):
            for wanted in ({"need_weights": False}, {}, {"average_attn_weights": False})[self.which : self.which + 1]:
                out, weights = self.look(x, x, x, None, **wanted)
                self.shapes.append(None if weights is None else tuple(weights.shape))
            return out[:, 0]

    module = Asking()
    for module.which in range(3):
        found = attention(module, np.ones((2, 3, 4)))
        assert found.weights[0].shape == (2, 2, 3, 3)
    assert module.shapes == [None, (2, 3, 3), (2, 2, 3, 3)]


def test_layers_and_attention_of_a_network_that_reads_tokens():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.reader = nn.Embedding(9, 4), Reader()

        def forward(self, x):
            return self.reader(self.embedding(x))

    module = Words()
    texts = np.array([[1, 5, 8], [2, 2, 0]])
    found = layers.layer_integrated_gradients(module, texts, layer="embedding", output=1, tokens=True)
    assert found.values.shape == (2, 3, 4)
    assert found.additive
    np.testing.assert_allclose(found.facts["around"], 0, atol=1e-6)
    np.testing.assert_allclose(found.values[1, 2], 0, atol=1e-7)
    vectors = module.embedding.weight.detach().numpy()[texts]
    np.testing.assert_allclose(layers.activations(module, texts, layer="embedding", tokens=True), vectors)
    expected = attention(module.reader, vectors)
    seen = attention(module, texts, tokens=True)
    np.testing.assert_allclose(seen.rollout(), expected.rollout(), atol=1e-6)
    with pytest.raises(AssayError, match="could not be explained on these inputs"):
        tensors.explain(module, texts)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_the_same(net, model, digits, mode):
    images = digits[0][:2]

    def found():
        made = [
            tensors.explain(model, images, method=each, background=digits[0][:9]).values for each in tensors.METHODS
        ]
        views = layers.layer_integrated_gradients(model, images, layer="4").values
        return [
            *made,
            views,
            layers.grad_cam(model, images, layer="4").maps,
            layers.activations(model, images, layer="4"),
        ]

    expected = found()
    with mode():
        again = found()
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
    for one, two in zip(expected, again, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_networks_of_other_number_types(kind):
    module = nn.Linear(4, 1).to(kind)
    inputs = np.random.default_rng(0).normal(size=(5, 4))
    found = tensors.explain(module, inputs, settings=Settings(precision=Precision(tolerance=0.05)))
    np.testing.assert_allclose(found.values, inputs * module.weight.detach().double().numpy(), atol=0.05)


def test_a_heat_map_of_an_image_keeps_the_sum(model, digits, tmp_path):
    from assay.explain.deep.picture import heat_picture, in_blocks

    found = tensors.explain(model, digits[0][:2], output="3")
    text = heat_picture(found, 1).write(tmp_path / "heat.svg").read_text()
    assert "integrated-gradients of P(3)" in text
    assert text.count("<rect") >= 64
    values = np.random.default_rng(0).normal(size=(100, 70))
    cells = in_blocks(values, 3)
    assert cells.shape == (34, 24)
    assert cells.sum() == pytest.approx(values.sum())
    assert cells[33, 23] == pytest.approx(values[99:, 69:].sum())
    large = tensors.explain(nn.Sequential(nn.Flatten(), nn.Linear(7000, 1)), values[None])
    assert "a cell is 3 × 3 pixels" in heat_picture(large).svg()
    with pytest.raises(AssayError, match="no explained row 2"):
        heat_picture(found, 2)
    flat = tensors.explain(nn.Linear(4, 1), values[:, :4])
    with pytest.raises(AssayError, match="are no images"):
        heat_picture(flat)
