"""The example of private image classification: its features against the definition, and its journey on small images."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import dp_images

    yield dp_images
    for name in ("dp_images", "scattering"):
        sys.modules.pop(name)


def _spatial(image: np.ndarray, scattering: ModuleType) -> np.ndarray:
    """Scattering by its definition: periodic convolutions in space, magnitudes, an average, every fourth number.

    Magnitudes of the coarser wavelets are kept at every second place, and averaged there by what the window has in the
    lower half of the spectrum.
    """
    import scipy.signal

    border = (scattering.PADDED - scattering.SIZE) // 2
    plane = np.pad(image, border, mode="reflect")
    fine, coarse = (np.fft.ifft2(scattering._folded_bank(scale), axes=(1, 2)) for scale in range(2))
    average = np.fft.ifft2(scattering._gaussian(scattering.PADDED, deviation=1.6)).real
    low = np.abs(np.fft.fftfreq(scattering.PADDED) + 1e-9) < 0.25
    near = np.fft.ifft2(scattering._gaussian(scattering.PADDED, deviation=1.6)[np.ix_(low, low)]).real

    def convolved(signal: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        side = len(signal)
        whole = scipy.signal.convolve2d(np.tile(signal, (2, 2)), kernel, mode="full")
        return whole[side : 2 * side, side : 2 * side]

    first = [np.abs(convolved(plane, wave)) for wave in fine]
    halved = [np.abs(convolved(plane, wave))[::2, ::2] for wave in coarse]
    halved += [np.abs(convolved(one, wave))[::2, ::2] for one in first for wave in coarse]
    maps = [convolved(signal, average)[::4, ::4] for signal in (plane, *first)]
    maps += [convolved(signal, near)[::2, ::2] for signal in halved]
    return np.stack(maps)[:, 1:8, 1:8]


def test_features_are_averaged_magnitudes_of_wavelet_convolutions(example: Any) -> None:
    import scattering

    image = np.random.default_rng(0).random((28, 28))
    fast = scattering.scattering(image[None].astype(np.float32)).reshape(81, 7, 7)
    slow = _spatial(image, scattering)
    assert fast == pytest.approx(slow, abs=1e-5)


def test_an_image_is_normalised_by_itself(example: Any) -> None:
    import scattering

    images = np.random.default_rng(1).random((3, 28, 28)).astype(np.float32)
    features = scattering.scattering(images)
    together = scattering.normalised(features)
    assert together[1:2] == pytest.approx(scattering.normalised(features[1:2]), abs=1e-6)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), rel=1e-2)


def test_the_journey_states_what_it_promises(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 1200)
    x = (rng.normal(size=(1200, 20)) + 3 * y[:, None]).astype(np.float32) / 10
    images = example.Images(x[:1000], y[:1000], x[1000:], y[1000:])
    example.report(images, example.Settings(1 / 5, 5, 8.0), epsilon=3.8, delta=1e-5, runs=2)
    shown = capsys.readouterr().out
    assert "epsilon 3.800 at delta 1e-05" in shown
    assert "chosen on the same images without privacy" in shown
    assert float(shown.split("mean of 2: test accuracy ")[1][:6]) > 0.9
