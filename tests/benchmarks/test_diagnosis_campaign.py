"""The campaign of injected faults: the catalogue, the drawing, the statistics, and a small campaign that is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from explorer.activations import ACTIVATIONS
from explorer.benchmarks import diagnosis, diagnosis_campaign, diagnosis_drawing
from explorer.benchmarks.diagnosis import is_fault, needed, report, verdict
from explorer.benchmarks.faults import CATALOGUE, SUITING
from explorer.cli.main import main
from explorer.config import FIELDS, TrainingConfig
from explorer.diagnosis import RULES
from explorer.errors import InputError

HEALTHY = TrainingConfig(dataset="digits", depth=4, width=64, learning_rate=1e-3, input_scaling="standardized")
DRAWN = [diagnosis_drawing.draw(random.Random(f"{seed}"), "digits", 15) for seed in range(300)]


# --- the catalogue and the drawing --------------------------------------------------------------------------


def test_the_catalogue_has_every_kind_that_is_asked_for():
    assert len(CATALOGUE) >= 18
    changed = {name for fault in CATALOGUE.values() for name in fault.undone_by}
    assert changed >= {
        *("learning_rate", "kernel_initializer", "input_scaling", "activation", "depth", "batch_size", "l2"),
        *("dropout_rate", "clip_norm", "decay_epochs", "peak_factor", "warmup_epochs", "plateau_factor", "patience"),
        *("width", "batch_norm"),
    }


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=CATALOGUE)
def test_a_fault_changes_settings_that_matter_and_each_can_be_taken_back(fault):
    applicable = [config for config in DRAWN if fault.applies(config)]
    assert applicable, "no drawn configuration has it"
    for config in applicable:
        for strength in fault.strengths:
            faulty = fault.inject(config, strength)
            changed = {name for name in FIELDS if getattr(faulty, name) != getattr(config, name)}
            values = faulty.to_dict()
            assert changed and all(FIELDS[name].matters(values) for name in changed - {"schedule", "dropout"})
            assert faulty.seed == config.seed and faulty.epochs == config.epochs
    assert fault.causes or fault.undone_by


def test_faults_are_named_by_findings_that_there_are():
    named = set().union(*(fault.causes for fault in CATALOGUE.values()))
    assert named <= {rule.__name__ for rule in RULES}


def test_a_fault_stays_within_the_bounds_of_its_field():
    assert CATALOGUE["rate_high"].inject(HEALTHY.with_(learning_rate=0.1), 1000).learning_rate == 10.0
    assert CATALOGUE["rate_low"].inject(HEALTHY.with_(learning_rate=1e-5), 1e-4).learning_rate == 1e-7


def test_an_initializer_of_another_family_is_injected():
    for config in DRAWN:
        if CATALOGUE["initializer"].applies(config):
            for name in CATALOGUE["initializer"].strengths:
                injected = CATALOGUE["initializer"].inject(config, name).kernel_initializer
                assert injected not in SUITING[ACTIVATIONS[config.activation].initializer]


def test_a_finding_names_a_fault_by_its_name_or_by_taking_the_setting_back():
    fault = CATALOGUE["rate_high"]
    faulty = fault.inject(HEALTHY, 100)
    assert fault.named_by("rate_too_high", {}, faulty)
    assert fault.named_by("dead", {"learning_rate": 1e-3}, faulty)
    assert not fault.named_by("dead", {"learning_rate": 1.0}, faulty)
    assert not fault.named_by("dead", {"kernel_initializer": "he_normal"}, faulty)
    narrow = CATALOGUE["narrow"].inject(HEALTHY, 2)
    assert CATALOGUE["narrow"].named_by("stuck", {"width": 64}, narrow)
    assert not CATALOGUE["narrow"].named_by("stuck", {"width": 1}, narrow)
    zeros = CATALOGUE["zeros"].inject(HEALTHY, "zeros")
    assert not CATALOGUE["zeros"].named_by("stuck", {"kernel_initializer": "zeros"}, zeros)


def test_draws_depend_on_the_seed_alone_and_cover_the_settings():
    again = [diagnosis_drawing.draw(random.Random(f"{seed}"), "digits", 15) for seed in range(300)]
    assert again == DRAWN
    for name in (
        "activation",
        "batch_norm",
        "input_scaling",
        "optimizer",
        "schedule",
        "dropout",
        "batch_size",
        "depth",
    ):
        values = {getattr(config, name) for config in DRAWN}
        assert len(values) >= {"activation": 11, "optimizer": 7, "schedule": 5, "dropout": 4, "depth": 10}.get(name, 3)
    assert all(config.dataset == "digits" and config.epochs == 15 for config in DRAWN)
    assert not any(config.activation == "selu" and config.batch_norm != "off" for config in DRAWN)


def test_the_kinds_drawn_for_a_network_apply_and_differ():
    for number, config in enumerate(DRAWN):
        drawn = diagnosis_drawing.draw_faults(random.Random(number), config, 4)
        assert drawn == diagnosis_drawing.draw_faults(random.Random(number), config, 4)
        names = [fault.name for fault, _ in drawn]
        assert len(set(names)) == len(names) >= 3
        assert all(fault.applies(config) and strength in fault.strengths for fault, strength in drawn)
    everything = diagnosis_drawing.draw_faults(random.Random(1), HEALTHY, 100)
    assert {fault.name for fault, _ in everything} == {f.name for f in CATALOGUE.values() if f.applies(HEALTHY)}


# --- the statistics -----------------------------------------------------------------------------------------


def test_a_fault_costs_five_points_and_three_standard_errors():
    many = 1_000_000  # so that the images add no error
    assert is_fault([0.90] * 3, [0.85] * 3, many)
    assert not is_fault([0.90] * 3, [0.8501] * 3, many)
    # differences of 0.2, 0.1 and 0.0: mean 0.1, standard error 0.1 / √3 = 0.058
    assert not is_fault([0.9, 0.9, 0.9], [0.7, 0.8, 0.9], many)
    # 0.12, 0.10, 0.08: standard error 0.02 / √3 = 0.0115, three of them 0.035
    assert is_fault([0.9, 0.9, 0.9], [0.78, 0.8, 0.82], many)
    # two accuracies of one half over 100 images: standard error √(0.25 / 100 · 2) = 0.071, three of them 0.212
    assert not is_fault([0.6] * 3, [0.4] * 3, 100)
    assert is_fault([0.62] * 3, [0.38] * 3, 100)
    assert not is_fault([0.9] * 3, [0.1], many), "given up after the first seed"


def finding(name: str, severity: str = "problem", **change) -> dict:
    return {"name": name, "severity": severity, "change": change}


def faulty(fault: str, findings: list, accuracies: float, fixed: float | None, kept: bool = True) -> dict:
    injected = CATALOGUE[fault].inject(HEALTHY, CATALOGUE[fault].strengths[0])
    values = {"fault": fault, "strength": 1, "config": injected.to_dict(), "accuracies": [accuracies] * 3, "kept": kept}
    return values | ({"findings": findings, "fix": {}, "fixed": fixed and [fixed] * 3} if kept else {})


def healthy(*findings) -> dict:
    return {"config": HEALTHY.to_dict(), "accuracies": [0.9] * 3, "findings": list(findings)}


GROUPS = [
    {
        "group": 0,
        "healthy": healthy(finding("validation_better", "note")),
        "faulty": [
            faulty("rate_high", [finding("rate_too_high", learning_rate=1e-3)], 0.5, 0.82),  # wins 0.32 of 0.40
            faulty("zeros", [], 0.88, None, kept=False),
            faulty("zeros", [finding("dead"), finding("symmetric")], 0.1, 0.07),  # named, but second; harmed by 0.03
        ],
    },
    {"group": 1, "healthy": None, "faulty": []},
    {
        "group": 2,
        "healthy": healthy(finding("overfitting", "warning"), finding("inputs", "warning")),
        "faulty": [
            faulty("zeros", [finding("symmetric", "note")], 0.1, None),  # a note names nothing
            faulty("rate_high", [finding("stuck", batch_norm="off")], 0.5, 0.81),  # wins 0.31, less than 80 %
            faulty("l2", [finding("stuck", l2=0.0)], 0.5, 0.485),  # named by its change; 0.015 is no harm
        ],
    },
]


def test_the_report_counts_what_hand_made_records_hold():
    values = report(needed(GROUPS, 5))
    assert (values["configurations"], values["healthy_networks"], values["drawn_faults"]) == (5, 2, 6)
    hits = {name: (values[name]["hits"], values[name]["of"]) for name in diagnosis.MEASURES}
    assert hits == {
        "recall": (3, 5),
        "precision_on_healthy": (1, 2),
        "localisation": (2, 5),
        "fix_rate": (1, 5),
        "harm_rate": (1, 5),
    }
    # Wilson's interval of 3 of 5: 0.2307 to 0.8824 (statsmodels 0.14, proportion_confint)
    assert (values["recall"]["low"], values["recall"]["high"]) == pytest.approx((0.23072, 0.88238), abs=1e-5)
    kinds = {kind["fault"]: kind for kind in values["faults"]}
    assert list(kinds) == list(CATALOGUE)
    # one of rate_high and one of zeros by their names, l2 only by its suggestion
    assert (values["named_by_name"]["hits"], values["named_by_name"]["of"]) == (2, 3)
    by_name = {name: (kinds[name]["by_name"], kinds[name]["named"]) for name in ("rate_high", "zeros", "l2")}
    assert by_name == {"rate_high": (1, 1), "zeros": (1, 1), "l2": (0, 1)}
    zeros = {name: kinds["zeros"][name] for name in ("drawn", "kept", "named", "first", "fixed", "harmed")}
    assert zeros == {"drawn": 3, "kept": 2, "named": 1, "first": 0, "fixed": 0, "harmed": 1}
    assert kinds["zeros"]["other_first_findings"] == {"dead": 1, "none": 1}
    assert values["false_alarms"] == {"overfitting": 1, "inputs": 1}


def test_a_report_takes_the_first_faults_and_no_more():
    values = report(needed(GROUPS, 2))
    assert (values["configurations"], values["healthy_networks"], values["drawn_faults"]) == (2, 1, 3)
    assert report(needed(GROUPS, 3))["drawn_faults"] == 4
    assert needed(GROUPS, 6) is None and needed(GROUPS[:1], 3) is None


def test_a_verdict_lists_findings_above_note():
    pair = faulty("zeros", [finding("symmetric"), finding("initializer", "note")], 0.1, 0.9)
    assert verdict([0.9] * 3, pair) == diagnosis.Verdict("zeros", True, True, True, False, ("symmetric",), True)


def test_the_lines_hold_every_measure_and_every_kind():
    lines = diagnosis.lines({"dataset": "digits", "seed": 3, "epochs": 15, **report(needed(GROUPS, 5))})
    text = "\n".join(lines)
    assert "5 faults in 2 healthy networks, of 6 drawn" in text and "60.0%  3/5  23.1% to 88.2%" in text
    [by_name] = [line for line in lines if line.startswith("of the recalled faults")]
    assert "those named by a finding's name alone" in by_name and "66.7%  2/3" in by_name
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in CATALOGUE)
    assert "false alarms on healthy networks: overfitting 1, inputs 1" in text
    assert lines[-2] == "drawn and never kept, as they cost too little: none"
    assert lines[-1] == "not drawn: " + ", ".join(
        name for name in CATALOGUE if name not in ("rate_high", "zeros", "l2")
    )
    harmless = [{"group": 0, "healthy": healthy(), "faulty": [faulty("zeros", [], 0.88, None, kept=False)]}]
    lines = diagnosis.lines({"dataset": "digits", "seed": 3, "epochs": 15, **report(harmless)})
    assert lines[-2] == "drawn and never kept, as they cost too little: zeros 1"


# --- a small campaign ---------------------------------------------------------------------------------------

# drawn and kept, by kind
KEPT = {
    "rate_high": (2, 1),
    "rate_low": (1, 1),
    "sgd_at_adams_rate": (1, 1),
    "zeros": (1, 1),
    "narrow": (3, 3),
    "raw_inputs": (3, 0),
    "unit_inputs": (2, 0),
    "giant_batch": (2, 2),
    "l2": (3, 3),
    "weight_decay": (1, 1),
    "shift": (2, 2),
    "smoothing": (1, 1),
    "dropout": (1, 1),
    "alpha_dropout": (1, 1),
    "selu_dropout": (1, 0),
    "exponential": (1, 1),
    "one_cycle": (1, 0),
    "cosine": (1, 1),
    "plateau": (1, 0),
}
COUNTS = (20, 8, 29)
HITS = {"recall": 20, "precision_on_healthy": 8, "localisation": 20, "fix_rate": 20, "harm_rate": 0}
SMALL = ["--configurations", "20", "--seed", "733", "--epochs", "4"]


def start(runs: Path) -> subprocess.Popen:
    """A campaign in a process group of its own, with one worker for each core."""
    choices = ("EXPLORER_WORKERS", "EXPLORER_SCHEDULER")
    environment = {name: value for name, value in os.environ.items() if name not in choices}
    return subprocess.Popen(
        [sys.executable, "-m", "explorer", "benchmark", "--diagnosis", *SMALL, "--json"],
        env={**environment, "EXPLORER_RUNS": str(runs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(runs: Path) -> dict:
    campaign = start(runs)
    output, errors = campaign.communicate()
    assert campaign.returncode == 0, errors
    return json.loads(output)


def kill_after_groups(runs: Path, count: int) -> Path:
    """The file of a campaign that was killed when it had saved so many groups, in the middle of another one's line."""
    campaign = start(runs)
    while not (files := list(runs.glob(".campaigns/*.jsonl"))) or files[0].read_bytes().count(b"\n") < count:
        assert campaign.poll() is None, campaign.stderr.read()
        time.sleep(0.1)
    os.killpg(campaign.pid, signal.SIGKILL)
    campaign.communicate()
    [file] = files
    whole = file.read_text().rpartition("\n")[0]
    file.write_text(f'{whole}\n{{"group": 3, "healthy": {{"conf')
    return file


@dataclass(frozen=True)
class Small:
    """A small campaign that was killed, of which a measured group was then removed, and that was finished."""

    runs: Path
    report: dict
    killed: list[str]  # the lines that were left when it went on
    removed: dict  # the group that was removed
    lines: list[str]  # those at its end


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Small:
    runs = tmp_path_factory.mktemp("campaign")
    file = kill_after_groups(runs, 2)
    *kept, unfinished = file.read_text().splitlines()
    removed = kept.pop(0)
    file.write_text("\n".join([*kept, unfinished]))
    report = finish(runs)
    return Small(runs, report, kept, json.loads(removed), file.read_text().splitlines())


def test_a_campaign_that_was_killed_goes_on_after_its_last_whole_group(small):
    assert small.killed and small.lines[: len(small.killed)] == small.killed
    numbers = [json.loads(line)["group"] for line in small.lines]
    assert len(numbers) == len(set(numbers)) and small.removed["group"] in numbers


def test_a_group_that_is_measured_again_is_the_same(small):
    """By another process, after other groups: only which references were known by then may differ."""
    [again] = [group for line in small.lines if (group := json.loads(line))["group"] == small.removed["group"]]
    assert timeless(again) == timeless(small.removed)


def timeless(group: dict) -> dict:
    """A group without the references that happened to be known, and without the seconds of its epochs."""
    without = {name: value for name, value in group.items() if name != "references"}
    for network in (without["healthy"], *without["faulty"]):
        for record in network.get("evidence", {}).get("history", ()):
            del record["seconds"]
    return without


def test_a_small_campaign_has_exactly_these_counts(small):
    values = small.report
    kept = {kind["fault"]: (kind["drawn"], kind["kept"]) for kind in values["faults"] if kind["drawn"]}
    assert kept == KEPT
    assert (values["configurations"], values["healthy_networks"], values["drawn_faults"]) == COUNTS
    assert {name: values[name]["hits"] for name in diagnosis.MEASURES} == HITS


def test_a_campaign_that_is_complete_needs_no_worker(small, monkeypatch, capsys):
    monkeypatch.setenv("EXPLORER_RUNS", str(small.runs))
    monkeypatch.setattr(diagnosis_campaign, "connect", None)
    assert main(["benchmark", "--diagnosis", *SMALL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == small.report
    assert main(["benchmark", "--diagnosis", *SMALL]) == 0
    assert "20 faults in" in capsys.readouterr().out


def test_a_second_process_at_one_campaign_is_refused(tmp_path):
    path = tmp_path / "c.jsonl"
    refused = pytest.raises(InputError, match=r"c\.jsonl is being measured by another process")
    with diagnosis_campaign._held(path), refused, diagnosis_campaign._held(path):
        pass


def test_a_damaged_line_is_told_and_nothing_is_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path))
    plan = diagnosis_campaign.Plan(20, 733, "digits", 4)
    path = plan.file(tmp_path / ".campaigns")
    path.parent.mkdir()
    path.write_text("{}\n")
    assert main(["benchmark", "--diagnosis", *SMALL]) == 1
    assert f"campaign: line 1 of {path} is damaged; remove the file to start again" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "10001", "many", "1.5", ""])
def test_a_bad_number_of_configurations_is_refused(value, capsys):
    assert main(["benchmark", "--diagnosis", "--configurations", value]) == 2
    assert "configurations: " in capsys.readouterr().err


def test_another_seed_or_another_number_of_epochs_is_another_file(tmp_path):
    plans = [diagnosis_campaign.Plan(9, *rest) for rest in ((1, "digits", 4), (2, "digits", 4), (1, "digits", 5))]
    assert len({plan.file(tmp_path) for plan in plans}) == 3
    assert diagnosis_campaign.Plan(10, 1, "digits", 4).file(tmp_path) == plans[0].file(tmp_path)
