"""Commands of `python -m explorer`, called in this process."""

from explorer.cli import main


def run_here(capsys, *arguments: object) -> tuple[int, str, str]:
    """The exit status of a command, and what it wrote to its two outputs."""
    status = main.main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()
