"""What assay says when something is wrong, and sentences that can be translated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence with an id, so that another language is a file of templates.

    `template` is English with `str.format` fields, `params` fills them. Only the id and the params
    are facts; the words may change without a new check version.
    """

    id: str
    template: str
    params: Mapping[str, Scalar] = field(default_factory=dict)

    def text(self, catalogue: Mapping[str, str] | None = None) -> str:
        """The sentence, in the language of `catalogue` where that knows the id."""
        template = (catalogue or {}).get(self.id, self.template)
        return template.format(**self.params)


class AssayError(Exception):
    """A mistake in usage or input: what was wrong, what was expected, what to do. Exit code 2.

    `code` is stable and machine-readable, `message` says what was wrong and what was expected,
    `hint` says what to do.
    """

    exit_code = 2

    def __init__(self, message: str, *, code: str = "input", hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _rebuild, (type(self), self.message, self.code, self.hint)


def _rebuild(kind: type[AssayError], message: str, code: str, hint: str) -> AssayError:
    return kind(message, code=code, hint=hint)


class MissingExtra(AssayError):
    """A library that an optional part needs is not installed."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed.",
            code="missing-extra",
            hint=f"Install it with: pip install 'assay[{extra}]'",
        )
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _missing_extra, (self.what, self.extra)


def _missing_extra(what: str, extra: str) -> MissingExtra:
    return MissingExtra(what, extra=extra)


def unknown(kind: str, name: str, known: Iterable[str], *, code: str = "unknown") -> AssayError:
    """The error for an unknown name; it lists the known ones and guesses which was meant."""
    names = sorted(map(str, known))  # a member of a StrEnum by its value
    close = get_close_matches(name, names, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return AssayError(f"Unknown {kind} {name!r}.", code=code, hint=f"{guess}Known: {', '.join(names) or 'none'}.")
