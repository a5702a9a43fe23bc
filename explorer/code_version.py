"""Hashes of this package's code, to tell whether two processes run the same version of it."""

import hashlib
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@lru_cache
def code_hash(*names: str) -> str:
    """SHA-256 over the names and contents of the package's files; with `names`, of these modules and folders only."""
    digest = hashlib.sha256()
    for part in map(PACKAGE.joinpath, names or [""]):
        for path in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            digest.update(f"{path.relative_to(PACKAGE)}\0".encode())
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
