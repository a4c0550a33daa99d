"""What was worked out once about rows that do not change, for the next question about them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 8


class Kept:
    """At most `most` results, of which the longest unused goes first. Each holds for the very objects it is `about`."""

    def __init__(self, *, most: int = MOST) -> None:
        self.most = most
        self._found: OrderedDict[Hashable, tuple[tuple[object, ...], Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable, about: tuple[object, ...], make: Callable[[], T], /, *, anew: bool = False) -> T:
        """The result under `key`, by `make` where there is none about these same objects, or where it is wanted `anew`.

        `make` runs outside the lock: two threads may both make it.
        """
        with self._lock:
            entry = self._found.get(key)
            if not anew and entry is not None and all(a is b for a, b in zip(entry[0], about, strict=True)):
                self._found.move_to_end(key)
                known: T = entry[1]
                return known
        made = make()
        with self._lock:
            self._found[key] = (about, made)
            self._found.move_to_end(key)
            while len(self._found) > self.most:
                self._found.popitem(last=False)
        return made
