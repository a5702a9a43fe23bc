"""The command `cache`: the compiled programs that are kept on disk."""

import argparse
from typing import Any

from explorer.cli import terminal
from explorer.training import program_files


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `cache`."""
    parser.add_argument("--clear", action="store_true", help="remove them; they are compiled again when needed")


def cache(options: argparse.Namespace) -> int:
    """Prints how many compiled programs there are, after removing them if asked to; returns the exit status."""
    if options.clear:
        program_files.clear()
    sizes = program_files.sizes()
    values = {
        "folder": str(program_files.folder()),
        "networks": len(sizes),
        "bytes": sum(sizes.values()),
        "limit_bytes": program_files.MOST_BYTES,
    }
    terminal.answer(values, options, _lines)
    return 0


def _lines(values: dict[str, Any]) -> list[str]:
    size, limit = (f"{values[name] / 1e6:.0f} MB" for name in ("bytes", "limit_bytes"))
    return [f"compiled programs of {values['networks']} networks in {values['folder']}: {size} of at most {limit}"]
