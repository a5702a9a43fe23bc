"""Data sets that people have added, sent to remote workers that lack them, and checked by hash."""

import asyncio
import socket
from collections.abc import Iterator, Sequence

from explorer.data import datasets
from explorer.data.dataset_file import stored_file
from explorer.data.origin import Added
from explorer.data.own import registry
from explorer.data.own.description import Description
from explorer.errors import DataError, ExplorerError
from explorer.zipped import MEBIBYTE

# Dask warns of tasks above 10 MB
PIECE_BYTES = 4 * MEBIBYTE


def is_sent(name: str) -> bool:
    """Whether the workers get a data set from the run queue: one that a person has added."""
    return isinstance(datasets.spec_of(name).origin, Added)


def description_of(name: str) -> Description:
    """The description of a data set that is sent."""
    return registry.descriptions()[name]


def pieces(name: str) -> Iterator[bytes]:
    """The images and labels of a data set on this machine, verified; raises `DataError` if they are not here."""
    datasets.load(name)
    with stored_file(name).open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece


async def lacks(description: Description) -> bool:
    """Whether this machine has no intact copy of a data set; a damaged one is removed."""
    registry.learn(description)
    return not await asyncio.to_thread(_is_intact, description.full_name)


def _is_intact(name: str) -> bool:
    try:
        datasets.load(name)
    except ExplorerError:
        return False
    return True


def keep(description: Description, content: Sequence[bytes]) -> str:
    """Stores a data set that has arrived, if every array has its hash; returns why it could not be, or nothing."""
    try:
        registry.write(description, *content)
    except DataError as error:
        return f"the worker on {socket.gethostname()} did not get the data set {description.spec.title}: {error}"
    return ""
