"""The folder in which the project keeps for this user what it can always get or make again."""

import os
from pathlib import Path


def user_cache() -> Path:
    """The project's folder in the user's cache, whether or not it exists."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "deep-network-explorer"
