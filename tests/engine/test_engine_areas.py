"""Areas come in by entry point; adding a check is one file."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from assay.core.errors import AssayError
from assay.engine.areas import load, registry


def test_the_built_in_areas_are_there() -> None:
    assert {"quality", "fairness"} <= set(registry().areas)
    assert {"quality.performance", "fairness.selection_rates"} <= set(registry().checks)
    assert list(registry().checks) == sorted(registry().checks)


def test_a_new_file_in_the_catalogue_is_a_new_check(make_area: Callable[..., EntryPoint], tmp_path: Path) -> None:
    point = make_area("toys")
    (tmp_path / "toys" / "checks" / "two.py").write_text(
        "from assay.plugin import Measure, by, check\n"
        "@check('toys.two', version=1, title='Two', counts=by('protected'))\n"
        "def two(counts, /):\n    'Always two.'\n    yield Measure('two', 2.0, 1)\n"
    )
    assert "toys.two" in load((point,)).checks


def test_two_checks_of_one_id_are_an_error_naming_both(make_area: Callable[..., EntryPoint]) -> None:
    source = (
        "from assay.plugin import Measure, by, check\n"
        "@check('toys.same', version=1, title='t', counts=by('protected'))\n"
        "def same(counts, /):\n    'Same.'\n    yield Measure('x', 1.0, 1)\n"
    )
    both = load((make_area("toys", source), make_area("games", source)))
    with pytest.raises(AssayError, match=r"games\.checks\.one.*toys\.checks\.one"):
        _ = both.checks


def test_two_areas_of_one_name_are_an_error_naming_both(make_area: Callable[..., EntryPoint]) -> None:
    with pytest.raises(AssayError, match=r"games:area.*toys:area"):
        load((make_area("toys"), make_area("games", area="toys")))


def test_an_area_for_another_api_is_refused(make_area: Callable[..., EntryPoint]) -> None:
    with pytest.raises(AssayError, match="area API 99"):
        load((make_area("toys", api="99"),))


def test_an_area_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(AssayError, match="gone:area"):
        load((EntryPoint("gone", "gone:area", "assay.areas"),))


def test_what_is_no_area_is_refused() -> None:
    with pytest.raises(AssayError, match="not an Area"):
        load((EntryPoint("x", "json:dumps", "assay.areas"),))


def test_an_imported_check_is_not_declared_twice(make_area: Callable[..., EntryPoint], tmp_path: Path) -> None:
    point = make_area("toys")
    (tmp_path / "toys" / "checks" / "two.py").write_text("from toys.checks.one import share\n")
    assert len(load((point,)).checks) == 4


def test_unknown_checks_and_parts_list_the_known() -> None:
    with pytest.raises(AssayError, match=r"Did you mean 'quality\.performance'"):
        registry().check("quality.performence")
    with pytest.raises(AssayError, match="kind of part"):
        registry().parts("none-such")
