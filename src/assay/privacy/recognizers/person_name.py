"""Names of people where a word before them says so."""

from __future__ import annotations

from assay.core.part import part
from assay.privacy.deidentification.recognizer import KIND, Pattern, Recognizer

_NAME = (
    r"[^\W\d_a-zà-öø-ÿ][^\W\d_]{0,30}(?:[\x27’-][^\W\d_]{1,30}){0,2}"
    r"(?: (?:[^\W\d_a-zà-öø-ÿ]\.? )?(?:(?:van der|van den|van de|van|von|de la|de|del|da|dos|di|bin|al|el|la|le|der) )?"
    r"[^\W\d_a-zà-öø-ÿ][^\W\d_]{1,30}(?:[\x27’-][^\W\d_]{1,30}){0,2}){0,3}"
)
"""Words that begin with a capital, initials and particles between them."""

_TITLES = (
    r"(?:Mrs|Mr|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Lady|Lord|Rev|Reverend|Father|Sister|Capt|Captain|Sgt|Herr|Frau|"
    r"Monsieur|Madame|Mme|Señora|Señor|Sr|Sra|Signor|Signora|Doctor|Nurse|Judge|Officer)"
)
_BEFORE = (
    r"(?i:(?:sur|maiden |last |first |full )?name(?:s are| is|\?|:)|named(?: him| her| them)?|called|calls? me|dear|hi|"
    r"hello|patient:?|signed by|written by|spoke (?:to|with)|married to|(?:kind |best )?regards,|sincerely,|"
    r"my (?:wife|husband|son|daughter|brother|sister|father|mother|friend|kid))"
)


@part(
    "person-name",
    kind=KIND,
    title="Names of people where a word before them says so",
    statement="After a title (Mr, Dr) or words such as “name is”, “called”, “Dear”. Other names need a model.",
)
def person_name() -> Recognizer:
    """The recogniser of PERSON."""
    return Recognizer(
        name="person-name",
        entity="PERSON",
        patterns=(
            Pattern(rf"(?<![\w-]){_TITLES}\.? {_NAME}", 0.7),
            Pattern(rf"(?<!\w){_BEFORE}[ \n]{{1,8}}(?P<found>{_NAME})", 0.6),
        ),
        examples=(
            "with «Dr. Grace B. Hopper», who",
            "«Mrs Lovelace» said",
            "My name is «Sietske van der Wardt» and",
            "Dear «Ada», thank you",
            "her maiden name is «O'Neill-Byron».",
        ),
        counterexamples=(
            "the patient was called back",
            "Dr. no",
            "a name is a word",
        ),
    )
