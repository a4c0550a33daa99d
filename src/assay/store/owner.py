"""Which process makes a Run, and whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

SILENCE = timedelta(hours=24)
"""A Run made on another machine, whose processes cannot be seen, counts as interrupted after this long silence."""


def this_process() -> dict[str, Any]:
    """`{"host", "pid", "born"}`: enough to know this process again, though its number be given to another."""
    return {"host": _host(), "pid": os.getpid(), "born": _born(os.getpid()) or ""}


def is_alive(owner: Mapping[str, Any], /, *, seen: datetime, now: datetime) -> bool:
    """True when the process lives; of one on another machine, when it added something in the last 24 hours."""
    if owner["host"] != _host():
        return now - seen < SILENCE
    born = _born(owner["pid"])
    return born is not None and born == owner["born"]


def _host() -> str:
    """Name of the machine and, on Linux, of the process namespace: containers number their processes apart."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()


def _born(pid: int) -> str | None:
    """When the process began, in a text that compares equal for one process; None when there is none.

    Empty where the system does not tell: there a number that was given to another process passes for alive.
    """
    if sys.platform == "linux":
        return _born_on_linux(pid)
    if sys.platform == "win32":
        return _born_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


def _born_on_linux(pid: int) -> str | None:
    """Boot and clock ticks since it (proc(5), /proc/pid/stat, field 22); a zombie (field 3) is dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _born_on_windows(pid: int) -> str | None:
    """Empty while the process can be opened and has not exited. `os.kill(pid, 0)` would kill it there."""
    import ctypes

    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    query_limited_information, still_active = 0x1000, 259
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return None
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return "" if code.value == still_active else None
