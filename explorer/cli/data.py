"""The command `data`: a data set, fetched and verified."""

import argparse
import sys
from pathlib import Path

from explorer.cli import terminal
from explorer.config import FIELDS
from explorer.data import datasets, download
from explorer.data.download.progress import STORED
from explorer.data.split import SPLITS
from explorer.errors import FieldError


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `data`."""
    name = FIELDS["dataset"]
    parser.add_argument("name", metavar="NAME", nargs="?", default=name.default, type=name.parse, help=name.allowed)
    parser.add_argument(
        "--from", dest="source", metavar="PATH", help="read it from an archive, folder or .npz file on this machine"
    )


def fetch(options: argparse.Namespace) -> int:
    """Fetches a data set unless it is here, and verifies it; returns the exit status."""
    name, source = options.name, options.source
    if source is not None and not Path(source).exists():
        raise FieldError("from", source, "an existing file or folder")
    draw, sources = terminal.FetchLine(sys.stderr), [STORED]

    def progress(now: download.Progress) -> None:
        sources[0] = now.source
        if now.phase != "ready" or not now.stored:
            draw(now)

    path = download.fetch(name, source=Path(source) if source else None, progress=progress)
    dataset = datasets.load(name)  # verifies every byte
    images = {split: len(getattr(dataset, split)) for split in SPLITS}
    values = {"dataset": name, "path": str(path or ""), "source": sources[0]}
    values["images"] = images
    was_there = sources[0] == STORED
    how = "is already on this machine and verified" if was_there else f"was fetched ({sources[0]}) and verified"
    counts = ", ".join(f"{count:,} {split}" for split, count in images.items() if count)
    lines = [f"{dataset.spec.title} {how}: {counts} {dataset.spec.noun}", *([str(path)] if path else [])]
    terminal.answer(values, options, lambda values: lines)
    return 0
