"""What a process that opens a file of unknown origin gives up before it does.

Memory, processor time and file sizes by resource limits; network, programs and other processes by a
Linux seccomp filter; the same, and writing files, by a Python audit hook (which native code could pass
by). What a platform lacks is left out, and `forbid` says what holds.

Sources: setrlimit(2), seccomp(2), linux/filter.h, linux/seccomp.h; PEP 578.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import time
from typing import Any

_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, (41, 42, 49, 57, 58, 59, 62, 101, 310, 311, 322, 424, 425)),
    "aarch64": (0xC00000B7, (198, 203, 200, 221, 129, 117, 270, 271, 281, 424, 425)),
}
"""Audit number of the architecture, and its numbers for: socket, connect, bind, fork, vfork, execve, kill, ptrace,
process_vm_readv, process_vm_writev, execveat, pidfd_send_signal, io_uring_setup (fork and vfork where there are)."""

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000
_NO_NEW_PRIVILEGES = 38

_FORBIDDEN = (
    *("socket.", "subprocess.", "pty.", "webbrowser."),
    *("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.startfile"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    "shutil.",
)
"""Prefixes of audit events that no model needs (PEP 578)."""

_TIDYING = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.")
"""What temporary files need; allowed where there is a scratch folder."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def limit_resources(*, memory: int, file_size: int) -> bool:
    """Address space and the size of written files are bounded from here on; False where the OS cannot.

    macOS accepts a limit of address space without keeping it.
    """
    if sys.platform == "win32":
        return False
    import resource

    wanted = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: file_size, resource.RLIMIT_AS: memory}
    try:
        for which, value in wanted.items():
            hard = resource.getrlimit(which)[1]
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (bound, bound))
    except (ValueError, OSError):
        return False
    return True


def limit_processor(*, seconds: float) -> None:
    """The kernel ends this process after `seconds` more of processor time, even if nobody watches it."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def forbid(*, scratch: str = "") -> tuple[str, ...]:
    """Network, programs, other processes and written files are refused from here on; what enforces it.

    `scratch` is a folder that may still be written to. Nothing can be taken back.
    """
    sys.dont_write_bytecode = True
    kernel = _filter_system_calls()
    sys.addaudithook(_hook(os.path.join(os.path.realpath(scratch), "") if scratch else ""))  # noqa: PTH118
    return (("kernel",) if kernel else ()) + ("python",)


def _hook(scratch: str) -> Any:
    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if not (isinstance(flags, int) and flags & _WRITING) or path == os.devnull:
                return
            if scratch and isinstance(path, str | bytes) and os.path.realpath(os.fsdecode(path)).startswith(scratch):
                return
            raise PermissionError(f"a model may not write the file {path!r}")
        if event.startswith(_FORBIDDEN) and not (scratch and event.startswith(_TIDYING)):
            raise PermissionError(f"a model may not do this: {event}")

    return refuse


def _filter_system_calls() -> bool:
    """The kernel answers EPERM to the listed calls from here on; False where it has no seccomp."""
    known = _SYSTEM_CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    architecture, calls = known
    program = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _REFUSE)]
    program += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE)]
    for call in calls:
        program += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    program.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    # Threads that libraries started before keep no filter unless it is synchronised to them.
    synchronise = 1
    number = 317 if platform.machine() == "x86_64" else 277
    return bool(libc.syscall(number, 1, synchronise, header) == 0)
