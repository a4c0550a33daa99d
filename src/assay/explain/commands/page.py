"""A page that stands alone: paragraphs, pictures and lines of text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from assay.core.errors import AssayError
from assay.pictures.picture import Picture

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}img{max-width:100%;height:auto}pre{white-space:pre-wrap;font:14px/1.5 ui-monospace,monospace}"
)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, paragraphs: Iterable[str], pictures: Sequence[Picture], lines: Iterable[str] = (), /) -> str:
    """An HTML page. Every text is escaped, pictures are images, and nothing is asked from anywhere."""
    said = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    shown = "".join(picture.html() for picture in pictures)
    rest = escape("\n".join(lines))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{said}{shown}{f'<pre>{rest}</pre>' if rest else ''}</body></html>\n"
    )


def write_page(text: str, path: str, /) -> str:
    """The path of the file that now holds the page; written whole or not at all."""
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise AssayError(f"{path!r} does not end in .html.", code="format", hint="A row is written as one page.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise AssayError(
            f"{path!r} cannot be written: {error.strerror}.", code="write", hint="Choose another."
        ) from None
    return str(target)
