"""The identity of a process, independent of the clock: the boot of the machine and its start since then."""

import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_ZOMBIE = "Z"


@dataclass(frozen=True)
class Process:
    """A process by its host, process id and start, which distinguishes processes with a reused id.

    `boot` is the boot id of the machine, and `ticks` is the start in clock ticks since that boot. `started`, in seconds
    since 1970, depends on the clock, so it is used only where the other two are unknown (`boot` is empty): outside
    Linux and in files of earlier versions.
    """

    host: str
    pid: int
    started: float
    boot: str = ""
    ticks: int = 0

    @classmethod
    def current(cls) -> "Process":
        """This process."""
        return _this_process(os.getpid())

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The running process with an id; raises `psutil.NoSuchProcess`."""
        return cls(socket.gethostname(), pid, psutil.Process(pid).create_time(), *_start_in_boot(pid)[:2])

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this host, so that its end can be detected."""
        return self.host == socket.gethostname()

    def ended(self) -> bool:
        """Whether it is known to have ended; always false for a process of another host."""
        if not self.is_here:
            return False
        boot, ticks, state = _start_in_boot(self.pid)
        if self.boot and boot:  # a page that refreshes asks often, and psutil takes ten times as long
            return state == _ZOMBIE or (self.boot, self.ticks) != (boot, ticks)
        try:
            now = Process.of(self.pid)
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # the last two: no process can have that id
            return True
        except psutil.Error:  # it exists, but may not be inspected
            return False
        if self.boot and now.boot:
            return (self.boot, self.ticks) != (now.boot, now.ticks)
        return abs(now.started - self.started) > 1


@lru_cache(maxsize=2)
def _this_process(pid: int) -> Process:
    return Process.of(pid)


def _start_in_boot(pid: int) -> tuple[str, int, str]:
    """The boot id, and fields 22 and 3 of `/proc/PID/stat`; empty and 0 where the system has none."""
    try:
        # the second field, the name of the program in parentheses, may contain spaces and parentheses
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return _BOOT_ID.read_text().strip(), int(after_name[19]), after_name[0]
    except (OSError, ValueError, IndexError):
        return "", 0, ""
