"""Files that take a while to make: the task process writes them, so that the pages of others do not wait."""

from collections.abc import Callable
from typing import Any

from explorer.pages import resources
from explorer.scratch import scratch_folder

SECONDS = 600.0


def made(task: Callable[..., None], *arguments: Any) -> bytes:
    """The content of the file that `task(*arguments, path)` writes in the task process; raises what that raises."""
    with scratch_folder() as folder:
        path = folder / "made"
        resources.task_process().ask(task, *arguments, str(path), seconds=SECONDS, repeatable=True).result()
        return path.read_bytes()
