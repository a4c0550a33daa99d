"""A finished picture: SVG text that can be shown in a notebook or written to a file."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from assay.core.errors import AssayError, MissingExtra
from assay.core.measure import Attachment
from assay.pictures.wording import escaped

SUFFIXES = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Picture:
    """`text` is the SVG of a picture called `title`. It is shown as an image, never put into a page as it is."""

    title: str
    text: str = field(repr=False)

    def svg(self) -> str:
        """The SVG text."""
        return self.text

    def png(self, *, zoom: float = 2.0) -> bytes:
        """The picture as PNG, `zoom` pixels a unit; extra [explain].

        Letters are drawn with the fonts of this machine: where it has none, the picture has no letters.
        """
        try:
            from resvg_py import svg_to_bytes  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise MissingExtra("A picture as PNG", extra="explain") from error
        if not 0 < zoom <= 8:
            raise AssayError(f"A picture cannot be drawn {zoom} times its size.", code="zoom", hint="Give 0.5 to 8.")
        return bytes(svg_to_bytes(svg_string=self.text, zoom=zoom))

    def write(self, path: str | Path, /, *, zoom: float = 2.0) -> Path:
        """The path of the file that now holds the picture: SVG or PNG, by its suffix. An older file is replaced.

        Raises AssayError for another suffix, MissingExtra where PNG is asked for and [explain] is not installed.
        """
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix not in SUFFIXES:
            raise AssayError(
                f"A picture is not written as {suffix or 'a file without a suffix'}.",
                code="suffix",
                hint="End the name in .svg or .png.",
            )
        data = self.text.encode() if suffix == ".svg" else self.png(zoom=zoom)
        try:
            target.write_bytes(data)
        except OSError as error:
            raise AssayError(
                f"The picture could not be written to {target}: {error.strerror}.",
                code="file",
                hint="Name another file.",
            ) from error
        return target

    def attachment(self) -> Attachment:
        """The picture as what goes with a Measure."""
        return Attachment(self.text.encode(), "image/svg+xml", self.title)

    def html(self) -> str:
        """An `img` element with the picture within; safe in any page, for an image runs nothing."""
        data = base64.b64encode(self.text.encode()).decode()
        return f'<img alt="{escaped(self.title, longest=300)}" src="data:image/svg+xml;base64,{data}"/>'

    def _repr_html_(self) -> str:
        return self.html()
