"""Models of every kind behind one small protocol, loaded from safe formats only.

`assay.models.load.load` opens a file or an address, `assay.models.wrap` takes an estimator in memory.
"""

from assay.models.live import wrap

__all__ = ["wrap"]
