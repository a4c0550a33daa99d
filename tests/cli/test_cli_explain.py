"""`assay explain` through the real command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def test_one_row_is_explained_from_every_side(assay: Call) -> None:
    said = assay("explain", "--demo", "credit", "--row", "17", "--immutable", "duration_months", "--out", "row.html")
    assert said.code == 0, said.err
    assert "decided good" in said.out
    assert "checking_account = below 0 DM" in said.out
    assert "What would have to be different" in said.out
    assert "duration_months: 30 → " not in said.out.partition("nearest rows")[0]
    page = Path("row.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml") == 2
    assert "<script" not in page


def test_a_row_as_json_and_with_the_cheapest_change_proven(assay: Call) -> None:
    answer = assay("explain", "--demo", "credit", "--row", "17", "--exact", "--json").json["data"]
    assert answer["row"] == 17
    added = answer["attributions"]["rows"][0]
    assert abs(added["base"] + sum(added["added"]) - added["output"]) < 1e-6
    (row,) = answer["counterfactuals"]["rows"]
    assert row["proof"]["status"] == "optimal"
    assert row["found"][0]["valid"]


def test_the_model_as_a_whole_is_a_stored_run_with_a_report(assay: Call) -> None:
    said = assay("explain", "--demo", "credit", "--out", "out")
    assert said.code == 0, said.err
    assert "mean_abs_shap" in said.out
    report = Path("out/report.html").read_text(encoding="utf-8")
    assert "data:image/svg+xml" in report
    assert assay("run", "list", "--json").json["data"][0]["findings"] > 10


def test_representatives_stand_for_each_decision_and_group(assay: Call) -> None:
    said = assay("explain", "--demo", "credit", "--representative", "1")
    assert said.code == 0, said.err
    assert "decided bad, sex female, age_band 25 and under" in said.out
    cells = assay("explain", "--demo", "credit", "--representative", "1", "--json").json["data"]["cells"]
    assert all(len(cell["medoids"]) == 1 for cell in cells)


def test_mistakes_are_usage_errors_that_say_what_to_do(assay: Call) -> None:
    for flags, words in (
        (("--demo", "credit", "--row", "1000"), "numbered from 0 to 999"),
        (("--demo", "credit", "--row", "1", "--representative", "2"), "one at a time"),
        (("--demo", "recidivism", "--row", "1"), "no model"),
        (("--demo", "credit", "--row", "1", "--immutable", "height"), "height"),
        (("--demo", "credit", "--row", "1", "--ranges", "amount_dm=9:1"), "lowest value first"),
        (("--demo", "credit", "--row", "1", "--out", "row.docx"), ".html"),
        (("--demo", "credit", "--row", "1", "--method", "tarot"), "tarot"),
    ):
        said = assay("explain", *flags)
        assert said.code == 2, flags
        assert words in said.err, said.err
    assert "--representative" in assay("explain", "--help").out


def test_a_decision_is_said_in_words_for_an_audience(assay: Call) -> None:
    Path("words.toml").write_text('[labels]\namount_dm = "amount of the credit"\n[units]\namount_dm = "marks"\n')
    said = assay("explain", "--demo", "credit", "--row", "17", "--audience", "customer", "--words", "words.toml")
    assert said.code == 0, said.err
    assert "associations" in said.out
    assert "64%" in said.out
    assert "digest sha256:" in assay("explain", "--demo", "credit", "--row", "17", "--audience", "regulator").out
    wrong = assay("explain", "--demo", "credit", "--row", "17", "--audience", "king")
    assert wrong.code == 2
    assert "regulator" in wrong.err
    assert assay("explain", "--demo", "credit", "--row", "17", "--words", "none.toml").code == 2


def test_reasons_come_from_a_signed_table_only(assay: Call) -> None:
    from assay.explain.words.reasons import codes, sign_codes
    from assay.seal.keys import SigningKey, save_verify_key

    draft = Path(codes.__file__).with_name("credit.toml").read_bytes()
    key, other = SigningKey.generate(), SigningKey.generate()
    save_verify_key(key.public, Path("ours.pem"))
    save_verify_key(other.public, Path("theirs.pem"))
    Path("codes.toml").write_bytes(draft)
    Path("codes.signed.json").write_bytes(sign_codes(draft, keys=[key]))
    asked = ("explain", "reasons", "--demo", "credit", "--row", "11")
    signed = assay(*asked, "--codes", "codes.signed.json", "--key", "ours.pem")
    assert signed.code == 0, signed.err
    assert "principal reasons" in signed.out
    assert key.public.id in signed.out
    assert assay(*asked, "--codes", "codes.signed.json", "--key", "theirs.pem").code == 2
    assert assay(*asked, "--codes", "codes.toml").code == 2
    assert "a draft" in assay(*asked, "--codes", "codes.toml", "--draft").out
