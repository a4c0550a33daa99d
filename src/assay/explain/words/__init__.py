"""Decisions in words: a paragraph for each audience, whose every number is found in a record.

`words.paragraph.paragraph` writes one, `paragraphs` one for each row; `words.reasons.reasons` are reason codes.
"""

from assay.explain.words.lookup import verify
from assay.explain.words.paragraph import Paragraph, paragraphs, sources
from assay.explain.words.vocabulary import Vocabulary

__all__ = ["Paragraph", "Vocabulary", "paragraphs", "sources", "verify"]
