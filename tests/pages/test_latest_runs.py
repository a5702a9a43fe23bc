"""The latest runs in the sidebar: a person's own first, those from elsewhere folded below, and the way to all."""

import json

from drawn import page_alone
from own_data import added
from own_pictures import files, write_folder

from explorer.config import TrainingConfig
from explorer.diagnosis.fault_cases import CASES
from explorer.pages.train.run_groups import FIX, GALLERY, OWN, SWEEP, gallery_name, latest_by_origin, origin
from explorer.runs.fix_mark import FixMark
from explorer.runs.status import COMPLETED

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)
TRIAL = {"study": "s", "trial": 0, "seed": 0}


def made(store):
    """A run of each origin, the own one the oldest."""
    case = next(iter(CASES.values()))
    runs = {OWN: store.create(DIGITS)}
    runs[GALLERY] = store.create(case.config, gallery_name(case.config))
    runs[SWEEP] = store.create(DIGITS.with_(seed=2), trial=TRIAL)
    runs[FIX] = store.create(DIGITS.with_(depth=3), fix=FixMark(runs[OWN].name, {"depth": 3}))
    for run in runs.values():
        run.end(COMPLETED, "")
    return runs


def test_each_run_is_listed_under_its_origin(store):
    runs = made(store)
    broken = store.create(DIGITS)
    (broken.path / "config.json").write_text(json.dumps({"depth": -1}))
    listing = store.list()
    assert {origin(summary) for summary in listing if summary.name == broken.name} == {OWN}
    groups = latest_by_origin(listing, 8)
    assert {name: [s.name for s in group] for name, group in groups.items()} == {
        OWN: [runs[OWN].name, broken.name],
        **{name: [runs[name].name] for name in (GALLERY, SWEEP, FIX)},
    }


def test_a_persons_own_run_of_the_settings_of_a_case_is_no_run_of_the_gallery(store):
    case = next(iter(CASES.values()))
    store.create(case.config)
    assert [origin(summary) for summary in store.list()] == [OWN]


def test_many_trials_of_a_sweep_do_not_push_a_persons_own_runs_out(store):
    own = store.create(DIGITS)
    for number in range(5):
        store.create(DIGITS.with_(seed=2 + number), trial=TRIAL | {"trial": number})
    groups = latest_by_origin(store.list(), 3)
    assert [s.name for s in groups[OWN]] == [own.name] and len(groups[SWEEP]) == 3


def test_the_sidebar_folds_what_comes_from_elsewhere_and_leads_to_all_runs(store):
    runs = made(store)
    page = page_alone("train").run()
    assert not page.exception
    opened = lambda: {button.key for button in page.button if str(button.key).startswith("open_")}  # noqa: E731
    assert opened() == {f"open_{runs[OWN].name}"}
    assert [each.label for each in page.expander][-3:] == [
        "From the fault gallery",
        "From sweeps",
        "Fixes that were tried",
    ]
    assert next(link.proto.label for link in page.get("page_link")) == "All runs"
    page.session_state["latest_sweep"] = True
    page.run()
    assert opened() == {f"open_{runs[OWN].name}", f"open_{runs[SWEEP].name}"}


def test_a_sweep_that_is_running_is_not_opened_by_itself(store):
    store.create(DIGITS, trial=TRIAL)
    page = page_alone("train").run()
    assert not page.exception and "run" not in page.query_params
    own = store.create(DIGITS.with_(seed=3))
    page = page_alone("train").run()
    assert "Digits ELU 2×20, seed 3" in page.title[0].value, own.name


def test_a_run_of_the_gallery_is_named_like_any_other_also_on_data_of_ones_own(store, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    config = DIGITS.with_(dataset=added(write_folder(tmp_path / "flowers", files())).full_name)
    assert store.create(config).name.startswith("flowers_elu_2x20_2")
    assert store.create(config, gallery_name(config)).name.startswith("flowers_elu_2x20_gallery_2")
