"""Identifiers in sentences: recall by entity with intervals, precision, F2 and speed, against Presidio in the same run.

Templates of presidio-evaluator 0.3.2 are filled by Faker and its own lists of names. Which half of the templates the
recognisers were developed on is decided by a hash of the template; what counts is the other half (`--half held-out`).
Three systems look at the same sentences: Presidio with all its default English recognisers and the small spaCy model;
the patterns of assay alone; the patterns with names by Presidio's recogniser and the same model.

An identifier is found where nothing of it stays readable: every letter and digit of it lies in a find, whatever that
is called ("covered"), or in finds of its own kind ("typed"). A find is right where at least half of its letters and
digits are of identifiers (of its kind). F2 weighs recall four times; intervals are Wilson's at 95 %, over identifiers.
`tokens` is F2 over words, identifier or not, as presidio-evaluator counts.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import random
import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.measure import Share
from assay.privacy.deidentification.catalogue import own_recognizers
from assay.privacy.deidentification.find import find
from assay.privacy.deidentification.names import MODEL, presidio_names
from assay.stats.rates import wilson

KINDS = {
    **dict.fromkeys(("STREET_ADDRESS", "GPE", "ZIP_CODE", "LOCATION", "ADDRESS"), "PLACE"),
    **dict.fromkeys(("DATE_TIME", "DATE", "DATE_OF_BIRTH"), "DATE"),
    **dict.fromkeys(("PHONE_NUMBER", "PHONE"), "PHONE"),
    **dict.fromkeys(("EMAIL_ADDRESS", "EMAIL"), "EMAIL"),
    **dict.fromkeys(("DOMAIN_NAME", "URL"), "URL"),
    **dict.fromkeys(("IBAN_CODE", "IBAN"), "IBAN"),
    **dict.fromkeys(("NRP", "NATIONALITY"), "NATIONALITY"),
    **dict.fromkeys(("US_DRIVER_LICENSE", "DRIVING_LICENCE"), "DRIVING_LICENCE"),
}
"""What the three call the same; all other names are kinds of their own."""

Spans = list[tuple[int, int, str]]


@dataclass(frozen=True)
class Sentence:
    text: str
    truth: Spans


def development(template: str) -> bool:
    return hashlib.sha256(template.encode()).digest()[0] % 2 == 0


def sentences(half: str, count: int, seed: int) -> list[Sentence]:
    from presidio_evaluator.data_generator import presidio_sentence_faker as source

    lines = [line.strip() for line in source.presidio_templates_file_path.read_text("utf-8").splitlines()]
    chosen = [line for line in lines if line and development(line) == (half == "development")]
    providers = [one for one in source.presidio_additional_entity_providers if one.__name__ != "HospitalProvider"]
    random.seed(seed)  # some of its providers draw from here
    np.random.seed(seed)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        faker = source.PresidioSentenceFaker(
            "en_US", 0.05, sentence_templates=chosen, entity_providers=providers, random_seed=seed
        )
        made = faker.generate_new_fake_sentences(count)
    return [
        Sentence(each.full_text, [(s.start_position, s.end_position, kind(s.entity_type)) for s in each.spans])
        for each in made
    ]


def kind(entity: str) -> str:
    return KINDS.get(entity, entity)


def presidio() -> Callable[[Sequence[str]], list[Spans]]:
    import tldextract
    from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    # Its recogniser of addresses would fetch the list of top-level domains.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    models = [{"lang_code": "en", "model_name": MODEL}]
    engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    batch = BatchAnalyzerEngine(AnalyzerEngine(nlp_engine=engine, supported_languages=["en"]))

    def look(texts: Sequence[str]) -> list[Spans]:
        found = batch.analyze_iterator(texts, language="en", batch_size=64)
        return [[(r.start, r.end, kind(r.entity_type)) for r in each] for each in found]

    return look


def ours(*, names: bool) -> Callable[[Sequence[str]], list[Spans]]:
    recognizers, who = own_recognizers(), presidio_names() if names else None

    def look(texts: Sequence[str]) -> list[Spans]:
        found = find(texts, recognizers=recognizers, names=who)
        return [[(s.start, s.end, kind(s.entity)) for s in each] for each in found]

    return look


def letters(text: str, start: int, end: int) -> set[int]:
    return {at for at in range(start, end) if text[at].isalnum()}


def covered(text: str, spans: Spans) -> set[int]:
    return set().union(*(letters(text, start, end) for start, end, _ in spans))


def right(text: str, span: tuple[int, int, str], others: Spans, *, share: float, typed: bool) -> bool:
    own = letters(text, span[0], span[1])
    seen = covered(text, [each for each in others if not typed or each[2] == span[2]])
    return bool(own) and len(own & seen) >= share * len(own)


def f2(precision: float, recall: float) -> float:
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0


def by_words(said: Sequence[Sentence], found: Sequence[Spans]) -> float:
    """F2 over words: identifier or not."""
    true = hit = claimed = 0
    for one, spans in zip(said, found, strict=True):
        real, seen = covered(one.text, one.truth), covered(one.text, spans)
        for word in re.finditer(r"\w+", one.text):
            of, at = word.start() in real, word.start() in seen
            true, hit, claimed = true + of, hit + (of and at), claimed + at
    return f2(hit / max(1, claimed), hit / max(1, true))


def report(name: str, said: Sequence[Sentence], found: Sequence[Spans], seconds: float, left_out: set[str]) -> None:
    print(f"\n{name}: {len(said) / seconds:,.0f} sentences a second")
    for typed in (False, True):
        hits: dict[str, list[bool]] = {}
        claims: dict[str, list[bool]] = {}
        for one, spans in zip(said, found, strict=True):
            for each in one.truth:
                hits.setdefault(each[2], []).append(right(one.text, each, spans, share=1.0, typed=typed))
            for each in spans:
                claims.setdefault(each[2], []).append(right(one.text, each, one.truth, share=0.5, typed=typed))
        for without in (set(), left_out):
            kept = [yes for kind, all_ in hits.items() if kind not in without for yes in all_]
            said_so = [yes for kind, all_ in claims.items() if kind not in without for yes in all_]
            recall, precision = sum(kept) / len(kept), sum(said_so) / max(1, len(said_so))
            what = "typed  " if typed else "covered"
            of = f"without {', '.join(sorted(without))}" if without else "all kinds"
            print(f"  {what} F2 {f2(precision, recall):.3f}  precision {precision:.3f}  recall {recall:.3f}  ({of})")
        if not typed:
            for kind_, all_ in sorted(hits.items()):
                bounds, share = wilson(Share(sum(all_), len(all_), len(all_), len(all_))), sum(all_) / len(all_)
                print(f"    {kind_:<18} {len(all_):>5}  recall {share:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]")
    print(f"  words F2 {by_words(said, found):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("held-out", "development"), default="held-out")
    parser.add_argument("--sentences", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20260101)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    said = sentences(given.half, given.sentences, given.seed)
    texts = [one.text for one in said]
    print(f"{len(said):,} sentences of the {given.half} half, {sum(len(one.truth) for one in said):,} identifiers")
    systems = {"Presidio": presidio(), "patterns": ours(names=False), "patterns and names": ours(names=True)}
    for name, look in systems.items():
        look(texts[:64])
        clock = time.perf_counter()
        found = look(texts)
        report(name, said, found, time.perf_counter() - clock, {"ORGANIZATION", "TITLE", "AGE"})


if __name__ == "__main__":
    main()
