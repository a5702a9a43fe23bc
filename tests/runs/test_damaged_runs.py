"""Damaged runs and studies: whatever is done to their files, the reading functions, pages and commands go on."""

import json
import os
import random
import shutil

import pytest
from damage import (
    damaged_runs,
    damaged_studies,
    good_run,
    good_study,
    is_a_sentence,
    read_run,
    read_study,
)
from drawn import page_alone, texts, whole_app

from explorer.cli import main
from explorer.cli.run_report import row
from explorer.config import TrainingConfig
from explorer.errors import InputError, RunError
from explorer.pages import resources
from explorer.runs import store as run_store
from explorer.runs.index import INDEX, zlib
from explorer.runs.status import COMPLETED, UNREADABLE, RunStatus
from explorer.runs.store import RunStore
from explorer.sweeps.study import StudyStore
from explorer.work_folder import REQUEST

SEEDS = 200
PAGES = 60


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A store of many damaged runs and studies beside good ones, as the pages see it."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    told = damaged_runs(store, range(PAGES))
    studies = damaged_studies(store, range(20), ["gone", *list(told)[:2]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_RUNS", str(store.folder))
        for resource in (resources.store, resources.studies, resources.library):
            resource.clear()
        yield store, told, studies
    resources.task_process().close()
    resources.run_queue().close()
    for resource in (
        resources.store,
        resources.studies,
        resources.library,
        resources.task_process,
        resources.run_queue,
    ):
        resource.clear()


def test_whatever_is_done_to_a_run_is_told_in_a_sentence_and_the_others_are_listed(tmp_path):
    store = RunStore(tmp_path / "runs")
    told = damaged_runs(store, range(SEEDS))
    found = {summary.name: summary for summary in store.list()}
    unreadable = 0
    for name, how in told.items():
        said = read_run(found[name].run) if name in found else []
        assert all(is_a_sentence(text, store) for text in said), (how, said)
        unreadable += name in found and found[name].state == UNREADABLE
    assert SEEDS / 4 < unreadable < SEEDS, "the damage is too small or too large to tell anything"
    good = next(summary for summary in found.values() if summary.name.startswith("good"))
    assert (good.state, good.outline.epochs, good.title) == (COMPLETED, 3, "a name")


def test_whatever_is_done_to_a_study_is_told_in_a_sentence(tmp_path):
    store = RunStore(tmp_path / "runs")
    told = damaged_studies(store, range(SEEDS // 2), ["gone"])
    studies = {study.name: study for study in StudyStore(store).list()}
    unreadable = 0
    for name, how in told.items():
        said = read_study(studies[name])
        assert all(is_a_sentence(text, store) for text in said), (how, said)
        unreadable += bool(said)
    assert unreadable > SEEDS / 10
    assert read_study(studies["good study"]) == []


@pytest.mark.parametrize("seed", range(40))
def test_a_hostile_index_is_refused_or_holds_what_a_run_may_hold(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(run_store, "_FEWEST_INDEXED", 1)
    folder, rng = tmp_path / "runs", random.Random(seed)
    good_run(RunStore(folder), "good")
    RunStore(folder).list()
    index = folder / INDEX
    entries = json.loads(index.read_bytes().partition(b"\n")[2])
    _spoil(entries, rng)
    body = json.dumps(entries).encode()
    head = {**json.loads(index.read_bytes().partition(b"\n")[0]), "checksum": zlib.crc32(body)}
    index.write_bytes(json.dumps(head).encode() + b"\n" + body)
    [after] = RunStore(folder).list()
    assert after.config == TrainingConfig.from_dict(after.config.to_dict())
    assert RunStatus.from_dict(json.loads(json.dumps(after.status.to_dict()))) == after.status
    json.dumps(row(after, after.title), allow_nan=False)


def _spoil(value, rng):
    from damage import HOSTILE, _places

    holder, key = rng.choice(list(_places(value)))
    holder[key] = rng.choice(HOSTILE)


# --- Names from an address ------------------------------------------------------------------------------

NAMES = [
    "", ".", "..", "../{other}", "{folder}/{run}", "{other}", "./{run}", "{run}/", "{run}/.", "x/../{run}", "~",
    "x" * 256, "é" * 200, "x" * 100_000, "a\0b", "{run}\0", "\ud800", ".hidden", "nobody", "link", "/", "//", "\n",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_a_name_from_an_address_is_never_a_path(tmp_path, name):
    store, other = RunStore(tmp_path / "runs"), RunStore(tmp_path / "other")
    run, foreign = good_run(store, "good"), good_run(other, "foreign")
    for folder in (store.folder / ".hidden", store.folder / "link"):
        folder.symlink_to(foreign.path)
    good_study(store, "study", [run.name])
    good_study(other, "study elsewhere", [])
    (StudyStore(store).folder / "link").symlink_to(StudyStore(other).get("study elsewhere").path)
    asked = name.format(other=foreign.path, run=run.name, folder=store.folder)
    for get in (store.get, StudyStore(store).get):
        with pytest.raises(InputError) as caught:
            get(asked)
        assert "does not exist" in str(caught.value) and len(str(caught.value)) < 500
        assert str(store.folder) not in str(caught.value).replace(repr(asked), "")
    assert store.get(run.name).history() == run.history()
    assert StudyStore(store).get("study").spec.name == "study"


def test_the_command_line_takes_a_path_as_well(tmp_path):
    store, other = RunStore(tmp_path / "runs"), RunStore(tmp_path / "other")
    run, foreign = good_run(store, "good"), good_run(other, "foreign")
    assert store.find(run.name).path == run.path
    assert store.find(str(foreign.path)).path == foreign.path
    for text in ("", "nobody", "x" * 300, "a\0b", str(tmp_path)):
        with pytest.raises(InputError, match="or its path"):
            store.find(text)


def test_folders_that_no_page_could_open_are_listed_with_their_reason(tmp_path):
    store, other = RunStore(tmp_path / "runs"), RunStore(tmp_path / "other")
    run, foreign = good_run(store, "good"), good_run(other, "foreign")
    (store.folder / "near").symlink_to(run.path)
    (store.folder / "far").symlink_to(foreign.path)
    shutil.copytree(run.path, store.folder / os.fsdecode(b"\xff\xfe"))
    found = {summary.name: summary for summary in store.list()}
    assert found["near"].state == found[run.name].state == COMPLETED
    assert found["far"].problem == "it is a link to a place outside the runs folder"
    assert found["\\xff\\xfe"].problem == "its name is not valid UTF-8"
    long_ago = run.path.stat().st_mtime - 10
    for name in found:
        if (store.folder / name).is_dir():
            os.utime(store.folder / name, (long_ago, long_ago))
    os.utime(store.folder / os.fsdecode(b"\xff\xfe"), (long_ago, long_ago))
    assert store.list() is store.list()


@pytest.mark.parametrize("what", [os.mkfifo, os.mkdir])
def test_what_lies_in_the_place_of_a_request_blocks_nobody(tmp_path, what):
    store = RunStore(tmp_path / "runs")
    run, study = good_run(store, "good"), good_study(store, "study", [])
    for asked, ask in ((run.path / REQUEST, lambda: run.request("stop")), (study.path / REQUEST, study.request_stop)):
        asked.unlink(missing_ok=True)
        what(asked)
        assert run.requested() in (None, "stop")
        if what is os.mkdir:
            with pytest.raises(RunError, match="cannot be written"):
                ask()
        else:
            ask()
            assert asked.read_text() == "stop"


@pytest.mark.parametrize("what", [os.mkfifo, os.mkdir])
def test_what_lies_in_the_place_of_a_lock_blocks_nobody(tmp_path, what):
    store = RunStore(tmp_path / "runs")
    for each in (good_run(store, "good"), good_study(store, "study", [])):
        (each.path / ".lock").unlink(missing_ok=True)
        what(each.path / ".lock")
        with pytest.raises(RunError, match="cannot be written"), each.locked():
            raise AssertionError("it cannot be held")
        assert each.status().status


# --- The pages --------------------------------------------------------------------------------------------


def test_compare_shows_the_good_ones_and_says_how_many_it_cannot_read(damaged):
    store, _, _ = damaged
    page = page_alone("compare").run()
    assert not page.exception
    readable = sum(summary.state != UNREADABLE for summary in store.list())
    assert f"{readable:,} runs" in texts(page)


@pytest.mark.parametrize("at", range(0, PAGES, 6))
def test_train_shows_a_damaged_run_or_says_why_not(damaged, at):
    _, told, _ = damaged
    page = whole_app()
    page.query_params.update({"dataset": "digits", "run": list(told)[at], "twin": list(told)[at + 1]})
    page.run()
    assert not page.exception, told


@pytest.mark.parametrize("page", ["evaluate", "sweep", "gallery", "train"])
def test_every_page_goes_on(damaged, page):
    drawn = page_alone(page)
    drawn.query_params["dataset"] = "digits"
    assert not drawn.run().exception


def test_the_page_of_sweeps_shows_a_damaged_study_or_says_why_not(damaged):
    _, _, studies = damaged
    for name in list(studies)[::2]:
        page = page_alone("sweep")
        page.query_params.update({"dataset": "digits", "study": name})
        assert not page.run().exception, studies[name]


# --- The commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["runs"], ["sweep", "show"]])
def test_commands_list_everything(damaged, capsys, command):
    store, _, _ = damaged
    for more in ([], ["--json"]):
        assert main.main([*command, "--runs", str(store.folder), *more]) == 0
        out = capsys.readouterr().out
        assert "good" in out and "unreadable" in out
    json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_commands_about_one_run_end_in_a_sentence(damaged, capsys, tmp_path):
    store, told, studies = damaged
    names = [(*command, name) for name in told for command in (("diagnose",), ("export", "--as", "archive"), ("stop",))]
    for number, arguments in enumerate([*names, *(("sweep", "show", name) for name in studies)]):
        output = ["--output", str(tmp_path / f"{number}.zip")] if "export" in arguments else []
        status = main.main([*arguments, *output, "--runs", str(store.folder)])
        said = capsys.readouterr()
        assert status in (0, 1, 2), (arguments, told.get(arguments[-1]))
        assert "unexpected error" not in said.err and "Traceback" not in said.err, said.err
