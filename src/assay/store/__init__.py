"""Where Runs, Findings, attachments and Decisions are kept: SQLite by default, PostgreSQL for a team.

Importing this room loads no database library; opening a store does.
"""

from __future__ import annotations

from assay.core.measure import Attachment
from assay.store.protocol import RunHeader, Store

__all__ = ["Attachment", "RunHeader", "Store", "open_store"]


def open_store(url: str | None = None) -> Store:
    """The store at `url`, made or brought up to date where needed.

    `url` is `sqlite:///path`, `postgresql://user:password@host/database`, or `:memory:` for a store that is
    gone when it is closed. None means the environment variable ASSAY_STORE, else `.assay/assay.db` under the
    working directory. A store written by a newer assay is refused.
    """
    from assay.store.address import address
    from assay.store.sql import SqlStore

    return SqlStore(address(url))
