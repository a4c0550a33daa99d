"""What a private answer said, as Findings."""

from __future__ import annotations

from collections.abc import Iterator

from assay.core.check import check
from assay.core.measure import Measure
from assay.privacy.queries.answer import ReleaseSubject


@check(
    "privacy.query",
    version=1,
    title="A private answer, with the interval of its noise",
    needs=("release",),
    clauses=("gdpr:5(1)(c)", "nist-ai-rmf:measure-2.10"),
)
def query(subject: ReleaseSubject, /) -> Iterator[Measure]:
    """The numbers of a differentially private answer, one a key, each with the interval of the noise in it.

    They describe the data; no limit is set on them. n is the noisy number of rows behind a number, or 0 where that is
    not part of the answer: the true one is private. The interval says how far the number may lie from the one without
    noise, after values and contributions were bounded; how far the data stand for a population is not in it. Every
    Measure names its release by a random id, so that no Finding can be made again from the data alone.
    """
    yield from subject.answer.measures()
