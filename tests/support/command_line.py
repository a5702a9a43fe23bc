"""Commands of `python -m explorer`, called in this process or started as one of their own."""

import signal

from explorer.cli import main


def run_here(capsys, *arguments: object) -> tuple[int, str, str]:
    """The exit status of a command, and what it wrote to its two outputs."""
    status = main.main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def heed_ctrl_c() -> None:
    """For `preexec_fn`: Ctrl-C reaches the new process also if this one was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
