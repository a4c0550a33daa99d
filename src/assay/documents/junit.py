"""A Run as JUnit XML, so that a build server shows each judged measure as a test."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from assay.core.finding import Run
from assay.core.measure import Measure, Slice, Verdict
from assay.documents.escape import Name, show_text, visible_words
from assay.documents.language import Language, language
from assay.documents.report.order import by
from assay.documents.report.verdict import said
from assay.documents.standing import Entry, standing


def junit(run: Run, /, *, lang: str = "en") -> str:
    """`run` as JUnit XML: every judged Finding is a test case.

    A failed limit is a failure, and so is whatever else blocks the gate under the policy of the Run. What is
    inconclusive or unmeasured and does not block is skipped.
    """
    words = language(lang)
    stands = standing(run)
    judged = [e for e in stands.entries if e.verdict is not None]
    root = Element("testsuites", name=f"assay: {visible_words(run.subject)}")
    for check, entries in by(judged, lambda e: e.finding.check):
        suite = _suite(root, check, run)
        for e in entries:
            case = SubElement(suite, "testcase", classname=visible_words(check), name=_name(e.measure, words))
            _outcome(case, e, words.text(said(e, words, stands.policy.rules)), words)
    without = [*(a.item for a in stands.absent), *stands.unasked]
    rest = [(item.partition(":")[0], item) for item in without]
    for check, text in [*rest, *((words.word("junit.run"), text) for text in stands.other)]:
        case = SubElement(
            _suite(root, check, run), "testcase", classname=visible_words(check), name=visible_words(text)
        )
        SubElement(case, "failure", type="unmeasured", message=words.word("junit.blocks"))
    for suite in (root, *root):
        suite.set("tests", str(len(list(suite.iter("testcase")))))
        suite.set("failures", str(len(list(suite.iter("failure")))))
        suite.set("errors", "0")
        suite.set("skipped", str(len(list(suite.iter("skipped")))))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, check: str, run: Run) -> Element:
    name = visible_words(check)
    found = next((suite for suite in root if suite.get("name") == name), None)
    if found is not None:
        return found
    return SubElement(
        root, "testsuite", name=name, timestamp=run.started.replace(tzinfo=None).isoformat("T", "seconds")
    )


def _outcome(case: Element, e: Entry, text: str, words: Language) -> None:
    verdict = e.verdict
    if verdict is Verdict.FAIL or e.blocks:
        SubElement(case, "failure", type=str(verdict), message=text)
    elif verdict in (Verdict.INCONCLUSIVE, Verdict.UNMEASURED):
        SubElement(case, "skipped", message=f"{text} {words.word('junit.skipped')}")
    elif verdict is Verdict.WARN:
        SubElement(case, "system-out").text = text


def _name(m: Measure, words: Language) -> str:
    """The measure and its slice: `tpr_gap over sex`, `accuracy [sex=female]`."""
    over = f" over {' × '.join(map(visible_words, m.over))}" if m.over else ""
    groups = "" if m.over else "".join(_slice(group, words) for group in m.groups)
    return visible_words(m.name) + over + _slice(m.slice, words) + groups


def _slice(slice: Slice, words: Language) -> str:
    said = (f"{visible_words(k)}={show_text(Name((slice[k],)), words.word)}" for k in sorted(slice))
    return f" [{', '.join(said)}]" if slice else ""
