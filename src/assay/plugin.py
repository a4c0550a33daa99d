"""What an area of another package writes against. Everything else may change without notice.

An area is a package with an entry point in the group `assay.areas` that names an `Area`; every module in
its catalogue packages is loaded, and what they declare with `check` and `part` appears by itself in the
Python API, the command line, the report, the policy, the gate and the reference.
"""

from assay.core.check import Check, check
from assay.core.errors import AssayError, Message, MissingExtra, unknown
from assay.core.house import House, Ledger, Progress
from assay.core.measure import Attachment, Interval, Limit, Measure, Share, Verdict, attached_table
from assay.core.part import AREA_API, Answer, Area, Command, Part, command, part
from assay.core.subject import Model, Request, Subject, by, each
from assay.data.case import Case
from assay.data.counts import Counts

__all__ = [
    "AREA_API",
    "Answer",
    "Area",
    "AssayError",
    "Attachment",
    "Case",
    "Check",
    "Command",
    "Counts",
    "House",
    "Interval",
    "Ledger",
    "Limit",
    "Measure",
    "Message",
    "MissingExtra",
    "Model",
    "Part",
    "Progress",
    "Request",
    "Share",
    "Subject",
    "Verdict",
    "attached_table",
    "by",
    "check",
    "command",
    "each",
    "part",
    "unknown",
]
