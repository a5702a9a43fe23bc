"""Damages thousands of runs and studies at random and demands that everything goes on.

`PYTHONPATH=.:tests/support .venv/bin/python tests/campaigns/damaged_runs.py --seeds 2000 [--json]`

Each seed damages a copy of a good run and of a good study. The reading functions may raise nothing but `RunError` with
one sentence; every page is drawn on a hundred damaged runs at once, and the commands list them and name each.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from damage import damaged_runs, damaged_studies, is_a_sentence, read_run, read_study
from drawn import page_alone, whole_app

from explorer.cli import main as cli
from explorer.pages import resources
from explorer.runs.status import UNREADABLE
from explorer.runs.store import RunStore
from explorer.sweeps.study import StudyStore

IN_A_STORE = 100
OPENED = 5  # of a store's runs and studies, each on its page
FORMS = ("script", "archive")
PAGES = ("train", "compare", "evaluate", "sweep", "gallery")


def main() -> int:
    """Prints what came of it; the exit status is 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    began, counts, faults = time.monotonic(), Counter(), []
    end = options.first + options.seeds
    for start in range(options.first, end, IN_A_STORE):
        with tempfile.TemporaryDirectory() as place:
            _batch(Path(place) / "runs", range(start, min(end, start + IN_A_STORE)), counts, faults)
        print(f"{start + IN_A_STORE - options.first:,} of {options.seeds:,}: {len(faults)} faults", file=sys.stderr)
    told = {**counts, "seeds": options.seeds, "seconds": round(time.monotonic() - began), "faults": faults}
    print(json.dumps(told, indent=2) if options.json else told)
    resources.task_process().close()
    resources.run_queue().close()
    return bool(faults)


def _batch(folder: Path, seeds: range, counts: Counter, faults: list[str]) -> None:
    store = RunStore(folder)
    runs = damaged_runs(store, seeds)
    studies = damaged_studies(store, seeds, list(runs)[:3])
    listed = {summary.name: summary for summary in store.list()}
    counts["unreadable runs"] += sum(summary.state == UNREADABLE for summary in listed.values())
    for name, how in runs.items():
        _read(
            f"run {name} ({how})", store, lambda name=name: read_run(listed[name].run) if name in listed else [], faults
        )
    for study in StudyStore(store).list():
        how = f"study {study.name} ({studies.get(study.name)})"
        counts["unreadable studies"] += bool(_read(how, store, lambda study=study: read_study(study), faults))
    if not any(name.startswith("good") and summary.config for name, summary in listed.items()):
        faults.append(f"seeds from {seeds.start}: the good run is not listed")
    os.environ["EXPLORER_RUNS"] = str(folder)
    for resource in (resources.store, resources.studies, resources.library):
        resource.clear()
    _pages(seeds, list(runs), list(studies), counts, faults)
    _commands(folder, list(runs), list(studies), counts, faults)


def _read(what: str, store: RunStore, read, faults: list[str]) -> list[str]:
    try:
        said = read()
    except Exception as error:  # whatever it is, it is what is looked for
        faults.append(f"{what}: {type(error).__name__}: {error}"[:500])
        return ["fault"]
    faults += [f"{what}: no sentence: {text}"[:500] for text in said if not is_a_sentence(text, store)]
    return said


def _pages(seeds: range, runs: list[str], studies: list[str], counts: Counter, faults: list[str]) -> None:
    wanted = [(name, {}) for name in PAGES]
    wanted += [("whole", {"run": name, "twin": runs[at - 1]}) for at, name in enumerate(runs[:OPENED])]
    wanted += [("sweep", {"study": name}) for name in studies[:OPENED]]
    for name, query in wanted:
        page = whole_app() if name == "whole" else page_alone(name)
        page.query_params.update({"dataset": "digits", **query})
        page.run()
        counts["pages drawn"] += 1
        if page.exception:
            faults.append(f"seeds from {seeds.start}: page {name} {query}: {page.exception[0].message}"[:500])


def _commands(folder: Path, runs: list[str], studies: list[str], counts: Counter, faults: list[str]) -> None:
    commands = [["runs"], ["runs", "--json"], ["sweep", "show"], ["sweep", "show", "--json"]]
    commands += [["stop", name] for name in runs] + [["sweep", "show", name] for name in studies]
    commands += [["diagnose", name] for name in runs]
    commands += [["export", name, "--as", form, "--output", str(folder / "out")] for name in runs for form in FORMS]
    for command in commands:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main([*command, "--runs", str(folder)])
        counts["commands"] += 1
        (folder / "out").unlink(missing_ok=True)
        listing = len(command) == 1 or command[-1] in ("show", "--json")
        if status not in ((0,) if listing else (0, 1, 2)) or "unexpected error" in err.getvalue():
            faults.append(f"{' '.join(command)}: {status}: {err.getvalue()}"[:500])


if __name__ == "__main__":
    sys.exit(main())
