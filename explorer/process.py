"""The identity of a process, by what no clock moves: which boot of the machine it belongs to, and its start in it."""

import os
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """A process: its host, its number and when it started, which tells reused numbers apart.

    `boot` is the machine's boot id and `ticks` the start in clock ticks since that boot. `started`, in seconds since
    1970, moves with the machine's clock: it decides only where the other two are not known (`boot` is empty), as off
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
        """The process that has a number now; raises `psutil.NoSuchProcess`."""
        return cls(socket.gethostname(), pid, psutil.Process(pid).create_time(), *_start_in_boot(pid))

    @property
    def is_here(self) -> bool:
        """Whether it is one of this host, so that its end can be seen."""
        return self.host == socket.gethostname()

    def ended(self) -> bool:
        """True when it is known to be gone; a process of another machine is not known to be."""
        if not self.is_here:
            return False
        try:
            now = Process.of(self.pid)
            if psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # the last two: no process can have that number
            return True
        except psutil.Error:  # it is there and tells nothing of itself
            return False
        if self.boot and now.boot:
            return (self.boot, self.ticks) != (now.boot, now.ticks)
        return abs(now.started - self.started) > 1


@lru_cache(maxsize=2)
def _this_process(pid: int) -> Process:
    return Process.of(pid)


def _start_in_boot(pid: int) -> tuple[str, int]:
    """The boot id and field 22 of `/proc/PID/stat`; empty and 0 where the system has neither."""
    try:
        # the second field is the program's name in parentheses, which may hold spaces and parentheses itself
        after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return _BOOT_ID.read_text().strip(), int(after_name[19])
    except (OSError, ValueError, IndexError):
        return "", 0
