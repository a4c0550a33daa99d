"""What people read of a Run: report, Markdown, JUnit, notebook, and two Runs compared."""

from __future__ import annotations

from assay.documents.compare import Comparison, compare
from assay.documents.html import html, notebook
from assay.documents.junit import junit
from assay.documents.markdown import markdown
from assay.documents.write import write

__all__ = ["Comparison", "compare", "html", "junit", "markdown", "notebook", "write"]
