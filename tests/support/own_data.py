"""Data that a person adds, by the function behind the page and the command: added, or refused in which words."""

from pathlib import Path

import pytest

from explorer.data.own import registry
from explorer.data.own.adding import Request, add
from explorer.data.own.description import Description
from explorer.errors import ExplorerError


def added(path: Path, name: str = "flowers", **how) -> Description:
    """The description of a data set after it was added."""
    return add(Request(name, str(path), path.name, **how))


def refused(path: Path, **how) -> str:
    """The sentence that refuses a data set; nothing was added."""
    with pytest.raises(ExplorerError) as caught:
        added(path, **how)
    assert not registry.names()
    return str(caught.value)
