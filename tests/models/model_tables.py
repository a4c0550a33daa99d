"""Arrow tables of pandas frames, without an index column."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa


def table_of(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)
