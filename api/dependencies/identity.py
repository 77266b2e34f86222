"""The names of workers: unlike any other, and such that a worker on the same machine can tell that one has died.

Knows no lease. A name says host, boot, process namespace and process; where all but the process are one's own, the
system knows whether that process lives.
"""

import os
import secrets
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def new_name() -> str:
    """Return a name for what this process holds now."""
    return "/".join([*_place(), str(os.getpid()), _started(os.getpid()), secrets.token_hex(4)])


def spoken(name: str) -> str:
    """What people are told of a name: host and process."""
    host, *_, process, _, _ = name.split("/") if name.count("/") >= 5 else (name, "", "", "")
    return f"{host} ({process})" if process else host


def has_died(name: str) -> bool:
    """Tell whether a named process surely lives no more; of another machine's nobody here can tell."""
    parts = name.split("/")
    if len(parts) != len(_place()) + 3 or tuple(parts[:-3]) != _place() or "" in parts[1:3]:
        return False
    process, started = parts[-3:-1]
    return process.isdigit() and _started(int(process)) != started


def _place() -> tuple[str, str, str]:
    """Host, boot and process namespace; the last two are empty where the system does not tell."""
    try:
        return socket.gethostname(), _BOOT.read_text().strip(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return socket.gethostname(), "", ""


def _started(process: int) -> str:
    """When a process was started, in ticks since boot, so that a number that is used again is not mistaken; or ''."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in ("Z", "X") else rest[18]
