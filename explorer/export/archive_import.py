"""Import of a run from an archive: it is unpacked and checked in the task process, in a folder that nobody sees yet."""

import random
import re
import string
import time
from pathlib import Path

from explorer.errors import InputError, quoted
from explorer.export.unpacking import unpack
from explorer.runs.leftovers import building_folder
from explorer.runs.run import Run
from explorer.runs.store import RunStore
from explorer.workers.task_process import TaskProcess

SECONDS = 120.0


def import_run(path: Path, title: str, store: RunStore, tasks: TaskProcess) -> Run:
    """Adds the run in an archive to a store; raises `InputError` with one sentence if anything about it is wrong.

    `title` is what the messages call the archive. The run keeps its name unless the store has one of that name.
    """
    # a name that the next process recognises as a leftover if this one is killed
    building = store.folder / f".import_{time.strftime('%Y_%m_%d-%H_%M_%S')}_{_letters()}"
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        with building_folder(building):
            name = tasks.ask(unpack, str(path.resolve()), title, str(building), seconds=SECONDS).result()
            imported = store.folder / _free_name(name, store)
            building.rename(imported)
            return Run(imported)
    except OSError as error:
        folder = quoted(str(store.folder))
        raise InputError(f"runs: the archive cannot be unpacked in {folder} ({error.strerror or error})") from error


def _free_name(name: str, store: RunStore) -> str:
    """The name, or where the store has a run of that name, one that ends in other letters."""
    base = re.sub(r"_[a-z]{4}$", "", name)
    while (store.folder / name).exists():
        name = f"{base}_{_letters()}"
    return name


def _letters() -> str:
    return "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
