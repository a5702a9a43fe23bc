"""The name of a run: the given one, else its settings in short; cut in its middle, and never that of another run."""

import pytest
from summaries import DIGITS, summary

from explorer.config import FIELDS, TrainingConfig
from explorer.runs.run import Run
from explorer.runs.run_names import LONGEST, own_name, run_names
from explorer.runs.run_summary import RunSummary
from explorer.runs.settings_text import settings_in_short
from explorer.runs.store import RunStore


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "CIFAR-10 ELU 20×100"),
        ({"batch_norm": "after_activation", "learning_rate": 5e-4}, "CIFAR-10 ELU+BN 20×100, rate 0.0005"),
        ({"batch_norm": "before_activation"}, "CIFAR-10 ELU 20×100, batch norm before"),
        ({"activation": "selu", "kernel_initializer": "lecun_normal"}, "CIFAR-10 SELU 20×100, LeCun normal"),
        ({"dataset": "digits", "depth": 2, "width": 20, "seed": 3}, "Digits ELU 2×20, seed 3"),
        ({"dropout": "alpha", "dropout_rate": 0.2}, "CIFAR-10 ELU 20×100, alpha dropout, drop 0.2"),
        ({"dataset": "cifar100_coarse", "depth": 4}, "CIFAR-100 (20 groups) ELU 4×100"),
        ({"dropout_rate": 0.2}, "CIFAR-10 ELU 20×100"),  # without dropout, its rate does not matter
    ],
)
def test_settings_in_short_name_the_network_and_then_what_is_not_the_default(settings, text):
    assert settings_in_short(TrainingConfig(**settings)) == text


def test_each_setting_that_matters_tells_two_runs_apart():
    alone = TrainingConfig(schedule="one_cycle", dropout="hidden")
    for name, field in FIELDS.items():
        others = field.choices or (field.minimum, field.maximum)
        texts = {settings_in_short(alone.with_(**{name: value})) for value in (field.default, *others)}
        expected = len({field.default, *others}) if field.matters(vars(alone)) else 1
        assert len(texts) == expected, name


def test_a_given_name_comes_first_and_a_damaged_run_has_that_of_its_folder():
    assert own_name(summary("run_aaaa", 1.0, written=("mine", (), ""))) == "mine"
    assert own_name(RunSummary(Run("broken"), problem="damaged")) == "broken"


def test_equal_names_have_the_end_of_their_folders_behind_them():
    runs = [
        summary("run_aaaa", 1.0),
        summary("run_bbbb", 1.0),
        summary("one_cccc", written=("mine", (), "")),
        summary("two_cccc", written=("mine", (), "")),
        summary("run_dddd", 1.0, seed=2),
    ]
    assert run_names(runs) == {
        "run_aaaa": "Digits ELU 2×20 (aaaa)",
        "run_bbbb": "Digits ELU 2×20 (bbbb)",
        "one_cccc": "mine (e_cccc)",
        "two_cccc": "mine (o_cccc)",
        "run_dddd": "Digits ELU 2×20, seed 2",
    }


def test_a_name_that_is_given_to_look_like_another_is_told_apart():
    runs = [summary("run_aaaa"), summary("run_bbbb"), summary("x", written=("Digits ELU 2×20 (aaaa)", (), ""))]
    names = run_names(runs)
    assert len(set(names.values())) == 3 and names["run_bbbb"] == "Digits ELU 2×20 (bbbb)"


@pytest.mark.parametrize("longest", [24, 44, LONGEST])
def test_long_names_are_cut_in_their_middle_and_never_to_equal_texts(longest):
    begin, end = "the same begin " * 3, " the same end" * 2
    runs = [summary(f"run_{letters}", written=(f"{begin}{letters}{end}", (), "")) for letters in ("aaaa", "bbbb")]
    names = run_names(runs, longest)
    assert len(set(names.values())) == 2
    assert all(len(name) <= longest and name.startswith("the same") for name in names.values())
    one = run_names(runs[:1], longest)["run_aaaa"]
    assert one.startswith("the same begin") and one.endswith("end") and "…" in one


@pytest.mark.parametrize(
    ("longest", "text"),
    [
        (70, "Digits ELU 2×20, rate 0.0003, max epochs 300, patience 40, seed 2"),
        (60, "Digits ELU 2×20, rate 0.0003, max epochs 300, …, seed 2"),
        (42, "Digits ELU 2×20, rate 0.0003, …, seed 2"),
        (30, "Digits ELU 2×20, …, seed 2"),
        (20, "Digits ELU 2×…seed 2"),
    ],
)
def test_settings_in_the_middle_of_a_long_name_are_left_out_as_a_whole(longest, text):
    run = summary("run_aaaa", learning_rate=3e-4, seed=2, epochs=300, patience=40)
    assert run_names([run], longest)["run_aaaa"] == text
    assert len(text) <= longest


def test_where_the_cut_would_hide_what_differs_that_comes_first():
    long = {"learning_rate": 3e-4, "epochs": 300, "batch_norm": "before_activation", "seed": 2}
    runs = [summary(f"run_{patience}", patience=patience, **long) for patience in (40, 50)]
    alone = run_names(runs[:1])["run_40"]
    assert "patience" not in alone
    assert run_names(runs) == {
        f"run_{patience}": f"Digits ELU 2×20, patience {patience}, batch norm before, …, seed 2"
        for patience in (40, 50)
    }
    others = [*runs, summary("other", learning_rate=5e-4), summary("again_of_40", patience=40, **long)]
    names = run_names(others)
    assert names["other"] == "Digits ELU 2×20, rate 0.0005"
    assert names["run_40"].startswith("Digits ELU 2×20, patience 40") and names["run_40"].endswith("(n_40)")
    assert len(set(names.values())) == 4 and max(map(len, names.values())) <= LONGEST


def test_no_name_holds_what_a_terminal_or_a_reader_would_take_for_something_else():
    [name] = run_names([summary("a", written=("\x1b[31mred\u202e", (), ""))]).values()
    assert name == "\\x1b[31mred\\u202e"


def test_the_names_of_a_store_stay_while_runs_train_and_follow_a_new_name(tmp_path):
    from explorer.runs.history import EpochRecord
    from explorer.runs.notes import Annotation

    store = RunStore(tmp_path)
    run = store.create(DIGITS)
    names = store.names()
    assert names == {run.name: "Digits ELU 2×20"}
    run.append(EpochRecord(1, 2.0, 0.2, 2.1, 0.19, 5e-5, 0.1))
    assert store.list()[0].outline.epochs == 1
    assert store.names() is names
    run.annotate(Annotation("mine"))
    assert store.names() == {run.name: "mine"}
    other = store.create(DIGITS)
    assert store.names() == {run.name: "mine", other.name: "Digits ELU 2×20"}
