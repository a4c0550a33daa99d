"""The HTML report: structure, safety, size, and that it says what the Findings say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from documents_pages import Page
from documents_runs import CREDIT, HOSTILE, POLICY, made, make_run, many

from assay.core.errors import AssayError, Message
from assay.core.finding import Findings, Run
from assay.core.measure import Interval, Limit, Measure, Verdict
from assay.core.policy import Policy, Rules
from assay.documents import html, notebook
from assay.documents import language as languages
from assay.documents.html import LARGEST, environment
from assay.documents.language import language
from assay.documents.report.build import report
from assay.documents.standing import standing

EMPTY = Run("r", "nothing", datetime(2026, 3, 1), 0.0, Findings())
HUGE = Measure("mean_error", -1.5e307, 50, interval=Interval(-1.7e308, 1.7e308, 0.95, "normal"))
ODD = replace(
    make_run(),
    findings=Findings(
        [
            made("quality.performance", HUGE, [], POLICY),
            made("quality.performance", Measure("r2", 1e-320, 50), [Limit("r2", "zero", 0.0, 0.0)], POLICY),
            made("x.y", Measure("tiny", 3e-7, 10, slice={"a": "b"}), [], POLICY),
        ]
    ),
    status="interrupted",
)
RUNS = {
    "credit": make_run(),
    "hostile": make_run(HOSTILE),
    "many": make_run(many(60)),
    "empty": EMPTY,
    "odd": ODD,
}


@pytest.fixture(scope="module", params=list(RUNS))
def page(request: pytest.FixtureRequest) -> Page:
    return Page(html(RUNS[request.param]))


def test_tags_close_in_order_and_ids_are_unique(page):
    assert page.crossed == []
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_reference_within_the_page_has_its_target(page):
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    wanted = [a["href"][1:] for t, a in page.tags if (a.get("href") or "").startswith("#")]
    wanted += [name for _, a in page.tags for name in (a.get("aria-labelledby") or "").split()]
    assert wanted
    assert set(wanted) <= ids


def test_headings_start_with_one_h1_and_skip_no_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_tables_have_captions_and_headers_have_a_scope(page):
    names = [tag for tag, _ in page.tags]
    assert names.count("caption") == names.count("table")
    after = [names[i + 1] for i, name in enumerate(names) if name == "table"]
    assert set(after) <= {"caption"}
    assert all(attrs.get("scope") in ("col", "row", "rowgroup") for attrs in page.all("th"))


def test_drawings_are_named_or_decoration(page):
    tags = [*page.tags, ("end", {})]
    for i, (tag, attrs) in enumerate(tags):
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and tags[i + 1][0] == "title")


def test_nothing_runs_and_nothing_is_fetched(page):
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "image"}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "srcset", "xlink:href")]
        href = attrs.get("href") or "#"
        assert href.startswith("#") or (tag == "a" and re.match("https?://", href))
    style = "".join(page.within("style"))
    assert not re.search(r"url\(|@import|expression\(", style)
    policy = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_the_page_has_landmarks_and_a_skip_link(page):
    names = [tag for tag, _ in page.tags]
    assert [names.count(name) for name in ("main", "nav", "footer")] == [1, 1, 1]
    assert page.all("a")[0] == {"class": "skip", "href": "#verdict"}
    assert page.all("html") == [{"lang": "en"}]


def test_hostile_names_are_shown_as_they_are_and_do_nothing():
    text = html(RUNS["hostile"])
    page = Page(text)
    for name in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>'):
        assert name in page.within("bdi")
        assert name not in text
    assert "abc⟨U+202E⟩gnp.exe" in page.within("bdi")
    assert "⟨U+0000⟩⟨U+001B⟩[31m⟨U+D800⟩" in page.within("bdi")
    assert "👩‍👩‍👧 family" in page.within("bdi")
    assert not set("\u202e\u2066\x00\x1b\ud800") & set(text)


def test_equal_looking_groups_stay_apart():
    page = Page(html(RUNS["hostile"]))
    assert "missing" in page.within("bdi")
    assert "missing" in page.within("em")
    assert "empty text" in page.within("em")
    assert {"A", "A␣"} <= set(page.within("bdi"))
    long = {name for name in page.within("bdi") if name.startswith("xxx")}
    assert len(long) == 2
    assert all(len(name) <= 64 for name in long)


def test_hostile_facts_of_a_run_are_escaped():
    evil = "<script>alert(2)</script>"
    run = make_run(subject=evil)
    checks = {
        "quality.data": {"title": evil, "area_title": evil, "doc": evil, "clause_links": [[evil, "javascript:x"]]}
    }
    finding = made(
        "quality.data",
        Measure(evil, None, 0, reason=Message("r", "{x}", {"x": evil}), notes=(Message("n", "{x}", {"x": evil}),)),
        [],
        POLICY,
    )
    run = replace(
        run,
        id=evil,
        findings=Findings([replace(finding, params={evil: evil}, tool={"name": evil}, attachments={evil: evil})]),
        sources=({"source": evil, evil: evil},),
        checks=checks,
        host={evil: evil},
        subject_facts={"rows": 3, evil: [evil], "columns": {evil: [evil]}, "groups": {evil: {evil: 3}}},
        policy=Policy(name=evil, version=evil, sign_offs=(evil,)).to_json(),
    )
    text = html(run)
    assert "<script" not in text
    assert "javascript:" not in text
    assert text.count("&lt;script&gt;") > 12
    assert "<script" not in notebook(run)


def test_the_verdict_comes_first_with_counts_and_the_worst_margin():
    run = RUNS["credit"]
    stands = standing(run)
    text = Page(html(run)).text
    opening = text[: text.index("At a glance")]
    assert f"{stands.passed} of {stands.required} required measures passed" in opening
    assert "worst margin: True positive rate, widest gap by age_band , 0.294 where the limit is at most 0.1" in opening
    assert "Fails: 2 required measures miss their limits" in opening
    assert f"{len(stands.blocking) + len(stands.absent)} things stand in the way" in opening


@pytest.mark.parametrize(
    ("rules", "findings", "words"),
    [
        (Rules(), ["pass"], "Passes"),
        (Rules(), ["pass", "warn"], "Passes, with warnings"),
        (Rules(), ["pass", "inconclusive"], "Not shown to be acceptable"),
        (Rules(on_inconclusive="allow"), ["pass", "inconclusive"], "Passes, though some measures are not settled"),
        (Rules(), ["pass", "fail"], "Fails: 1 required measure misses its limit"),
        (Rules(), [], "Nothing was judged"),
    ],
)
def test_the_overall_verdict_in_words(rules, findings, words):
    ends = {"pass": (0.01, 0.02), "warn": (0.06, 0.08), "inconclusive": (0.05, 0.2), "fail": (0.2, 0.3)}
    policy = Policy(rules=rules)
    limit = Limit("gap", "lower", 0.05, 0.1)
    made_findings = [
        made(
            "a.b",
            Measure("gap", ends[v][0], 99, slice={"g": v}, interval=Interval(*ends[v], 0.95, "x")),
            [limit],
            policy,
        )
        for v in findings
    ]
    run = replace(EMPTY, findings=Findings(made_findings), policy=policy.to_json() | {"digest": policy.digest})
    assert [f.verdict for f in made_findings] == [Verdict(v) for v in findings]
    title = language().text(report(run, language=language()).overall)
    assert title == words


def test_what_would_settle_it_is_said_in_words():
    text = Page(html(RUNS["credit"])).text
    assert {f.settles_at for f in RUNS["credit"].findings} >= {1192, 8000}
    assert "About 1,190 rows would settle it." in text
    assert "about 8,000 rows would settle it" in text


def test_what_was_not_measured_has_its_reasons():
    text = Page(html(RUNS["credit"])).text
    section = text[text.index("A number that is missing here") :]
    assert "no feature columns are given" in section
    assert "no row of this group is in the denominator" in section
    assert "fewer than 5 rows" in section


def test_limits_say_who_set_them_and_when():
    text = Page(html(RUNS["credit"])).text
    section = text[text.index("Judged by the policy") :]
    assert "R. Okafor 2026-01-31 agreed with the risk committee" in section
    assert "set by the check itself" in section


def test_how_each_number_was_made_is_there():
    text = Page(html(RUNS["credit"])).text
    for words in ("Wilson score", "level = 0.95", "Seed 7", "counts: sha256:abab", "curve: sha256:cdcd", "version 1"):
        assert words in text
    assert "Hardt, Price and Srebro (2016)" in text
    assert "gaps: 2 tests, adjusted by holm" in text
    assert any("eur-lex.europa.eu" in (a.get("href") or "") for a in Page(html(RUNS["credit"])).all("a"))


def test_numbers_on_few_rows_are_hollow():
    text = html(RUNS["credit"])
    made_report = report(RUNS["credit"], language=language())
    small = [
        row
        for area in made_report.areas
        for check in area.checks
        for figure in check.figures
        for table in figure.tables
        for row in table.rows
        if row.small and row.mark
    ]
    assert small
    assert text.count('class="d o"') == len(small)


def tables_of(run):
    found = report(run, language=language())
    return [t for area in found.areas for c in area.checks for f in c.figures for t in f.tables]


def test_every_number_is_on_the_page_or_counted_as_left_out():
    for run in (RUNS["credit"], RUNS["many"]):
        tables = tables_of(run)
        rows = sum(len(t.rows) + t.left_out for t in tables)
        totals = sum(row.name == "All rows" for t in tables for row in t.rows)
        once = sum(f.measure.name != "unmeasured" for f in run.findings)
        assert rows - totals <= once <= rows


def test_sixty_groups_show_twenty_and_fold_the_rest():
    tables = [t for t in tables_of(RUNS["many"]) if t.first == "column.group" and len(t.rows) > 5]
    open_tables = [t for t in tables if t.summary is None]
    folded = [t for t in tables if t.summary is not None]
    assert open_tables
    assert all(max(len(body.rows) for body in t.bodies) == 20 for t in open_tables)
    assert all(len(t.rows) == 40 for t in folded)
    text = Page(html(RUNS["many"])).text
    assert "Shown: the 20 of 60 that matter most." in text
    assert "40 more groups of country" in text


def test_sixty_groups_by_three_attributes_with_intersections_fit_the_size():
    text = html(make_run(many(60, ("country", "language", "region"))))
    assert len(text.encode()) <= LARGEST
    assert "more rows are in findings.json" in Page(text).text


def test_even_the_longest_names_fit_the_size():
    groups = {"&" * 300 + str(a): {"<" * 200 + str(i): (50, 0.5) for i in range(60)} for a in range(2)}
    text = html(make_run(groups))
    assert len(text.encode()) <= LARGEST
    assert Page(text).crossed == []


def test_small_cells_are_nowhere_on_the_page():
    run = RUNS["credit"]
    hidden = [e for e in standing(run).entries if e.hidden]
    assert {e.hidden for e in hidden} == {"small", "complement"}
    tables = tables_of(run)
    rows = [row for t in tables for row in t.rows if row.n in ("< 5", "–")]
    assert len(rows) == len(hidden)
    assert all(not row.value and not row.interval and row.mark is None and not row.title for row in rows)
    groups = {words.group.parts[0]: words for a in report(run, language=language()).groups for words in a.groups}
    assert groups[None].rows == "< 5"
    assert [name for name, size in groups.items() if size.rows == "–"] == ["35–49"]
    assert all(size.share is None for size in groups.values() if size.rows in ("–", "< 5"))


def test_a_policy_can_show_small_cells():
    policy = replace(POLICY, rules=Rules(min_cell=0))
    assert not [e for e in standing(make_run(policy=policy)).entries if e.hidden]


def test_a_note_or_reason_that_tells_of_few_rows_is_not_shown():
    note = Message("widened-by", "widened by {group} (n = {rows})", {"group": "zz", "rows": 3})
    reason = Message("few", "only {n} rows", {"n": 2})
    shown = Measure("gap", 0.1, (90, 80), over=("sex",), interval=Interval(0.0, 0.2, 0.95, "x"), notes=(note,))
    gone = Measure("auc", None, 40, slice={"sex": "f"}, reason=reason)
    run = replace(make_run(), findings=Findings([made("a.b", m, [], POLICY) for m in (shown, gone)]))
    for text in (html(run), html(Run.from_json(run.to_json()))):
        assert "widened by" not in text
        assert "only 2 rows" not in text


def test_an_interrupted_run_says_so():
    assert "This run was interrupted." in Page(html(RUNS["odd"])).text
    assert "This run was interrupted." in notebook(RUNS["odd"])


def test_a_report_from_a_stored_run_is_the_same():
    assert html(Run.from_json(RUNS["credit"].to_json())) == html(RUNS["credit"])


def test_another_language_is_a_file(tmp_path, monkeypatch):
    english = (languages.MESSAGES / "en.toml").read_text(encoding="utf-8")
    (tmp_path / "en.toml").write_text(english, encoding="utf-8")
    (tmp_path / "de.toml").write_text(
        '[language]\ndecimal = ","\nthousands = "."\n[section]\nglance = "Auf einen Blick"\n'
        '[check."quality.data"]\ntitle = "Lücken und Doppel"\n[verdict]\nfail = "durchgefallen"\n'
        '[measure]\naccuracy = "Genauigkeit"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(languages, "MESSAGES", tmp_path)
    language.cache_clear()
    environment.cache_clear()
    try:
        text = Page(html(RUNS["credit"], lang="de")).text
        with pytest.raises(AssayError, match="Known: de, en"):
            html(RUNS["credit"], lang="fr")
    finally:
        language.cache_clear()
        environment.cache_clear()
    for words in ("Auf einen Blick", "Lücken und Doppel", "durchgefallen", "Genauigkeit", "0,294"):
        assert words in text
    assert "0.294" not in text


def test_every_message_id_that_templates_name_is_known():
    known = language().messages
    folder = languages.MESSAGES.parent / "templates"
    named = set()
    for path in folder.glob("*.j2"):
        named |= set(re.findall(r"words?\('([a-z_.]+)'[,)]", path.read_text(encoding="utf-8")))
    assert len(named) > 40
    assert named <= set(known)


def test_a_notebook_gets_one_scoped_piece():
    piece = notebook(RUNS["credit"])
    page = Page(piece)
    assert page.tags[0] == ("div", {"class": "assay-run"})
    assert page.crossed == []
    assert page.open == []
    style = "".join(page.within("style"))
    selectors = re.findall(r"([^{}]+)\{", style)
    assert all(s.strip().startswith(".assay-run") for s in selectors)
    assert len(piece) < 12_000


def contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        colour = colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_have_enough_contrast_in_light_and_dark():
    style = (languages.MESSAGES.parent / "templates/style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
        for name in ("pass", "warn", "inconclusive", "unmeasured", "fail"):
            assert contrast(colour[name], colour["paper"]) >= 4.5
            assert contrast(colour[name], colour[f"{name}-soft"]) >= 4.5
        for name in ("ink", "muted", "link"):
            assert contrast(colour[name], colour["paper"]) >= 4.5
        assert contrast(colour["dot"], colour["paper"]) >= 3


def test_the_groups_of_a_case_may_come_as_a_mapping():
    run = replace(make_run(), subject_facts={"rows": 30, "groups": {"sex": {"f": 10, "m": 20}}})
    (attribute,) = report(run, language=language()).groups
    assert [(g.group.parts, g.rows) for g in attribute.groups] == [(("m",), "20"), (("f",), "10")]


def test_credit_has_what_the_tests_rely_on():
    assert CREDIT["age_band"][None][0] < 5
