"""Ages in years."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer


@part(
    "age",
    kind=KIND,
    title="Ages in years",
    statement="A number up to 129 before “years old” and the like, or after “aged”, “age of”, “age:”.",
)
def age() -> Recognizer:
    """The recogniser of AGE."""
    years = r"(?:1[0-2][0-9]|[0-9]{1,2})"
    return Recognizer(
        name="age",
        entity="AGE",
        patterns=(
            Pattern(
                rf"(?<![\w.,-]){years}(?=(?:[ -](?:years?|yrs?|months?)[ -]old| ?y/?o(?!\w)|-year-old))",
                0.7,
            ),
            Pattern(rf"(?<!\w)(?i:aged?|age of|turned)(?::? )(?P<found>{years})(?![\w%-]|[.,:][0-9])", 0.6),
        ),
        examples=(
            "a «38» year old woman",
            "is a «62»-year-old man",
            "«71»yo with fever",
            "retired at the age of «63».",
            "aged «45»",
            "Age: «29»",
        ),
        counterexamples=(
            "38 years of service",
            "page 12",
            "1.38 year old",
            "aged 45%",
        ),
    )
