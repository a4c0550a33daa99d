"""What a Run looks like on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from assay.cli.output import print_run, where
from assay.core.errors import Message
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Measure, Verdict

REASON = Message(
    "wrong-task", "for {wanted} tasks, not {task}", {"wanted": "regression or \x1b[31mred", "task": "binary"}
)


@pytest.fixture
def run() -> Run:
    measures = {
        "quality.errors": Measure("unmeasured", None, 0, reason=REASON),
        "quality.data": Measure("unmeasured", None, 0, reason=Message("no-rows", "only counts are at hand")),
    }
    findings = [Finding(check, 1, "toy", m, Verdict.UNMEASURED) for check, m in measures.items()]
    checks = {check: {"title": f"Title of {check}"} for check in measures}
    return Run("run-1", "toy", datetime(2026, 1, 1, tzinfo=UTC), 1.0, Findings(findings), checks=checks)


def test_checks_for_other_tasks_take_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    print_run(run)
    said = click.unstyle(capsys.readouterr().out)
    assert "only counts are at hand" in said
    assert "Title of quality.errors" not in said
    assert "1 check is for other kinds of task (\\u001b[31mred, regression) and not asked (--all prints them)." in said


def test_with_all_they_are_printed_too(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    print_run(run, everything=True)
    said = capsys.readouterr().out
    assert "Title of quality.errors" in said
    assert "other kinds of task" not in said


def test_a_number_about_columns_is_by_them_and_a_comparison_between_groups() -> None:
    assert where(Measure("importance", 0.1, 9, over=("age", "job"))) == "by age × job"
    assert where(Measure("gap", 0.1, 9, over=("sex",), groups=({"sex": "f"}, {"sex": "m"}))) == "between sex"
