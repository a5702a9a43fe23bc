"""`python -m explorer export`: the file that it writes, and what it refuses."""

import json

import pytest

from explorer.cli import main
from explorer.config import TrainingConfig
from explorer.export.keras_script import keras_script
from explorer.runs.history import EpochRecord
from explorer.runs.run import Run

CONFIG = TrainingConfig(dataset="digits", depth=1, width=8)
EPOCHS = [EpochRecord(number, 2.0 / number, 0.5, 2.1 / number, 0.4, 1e-3, 0.5) for number in (1, 2)]


@pytest.fixture
def run(store) -> Run:
    """A run of two epochs, without a model."""
    run = store.create(CONFIG)
    for record in EPOCHS:
        run.append(record)
    return run


def export(capsys, run: Run, *arguments: object) -> tuple[int, str, str]:
    status = main.main(["export", run.name, "--runs", str(run.path.parent), *map(str, arguments)])
    return status, *capsys.readouterr()


def test_script_is_written_to_a_file_here_with_the_name_of_the_run(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, out, _ = export(capsys, run, "--as", "script")
    assert (status, out) == (0, f"{run.name}.py\n")
    assert (tmp_path / f"{run.name}.py").read_text(encoding="utf-8") == keras_script(CONFIG, run.name, EPOCHS[1])


def test_output_may_be_a_file_or_a_folder(run, tmp_path, capsys):
    for output, path in ((tmp_path / "own.py", tmp_path / "own.py"), (tmp_path, tmp_path / f"{run.name}.py")):
        status, out, _ = export(capsys, run, "--as", "script", "--output", output, "--json")
        assert status == 0
        content = path.read_bytes()
        assert json.loads(out) == {"run": run.name, "as": "script", "path": str(path), "bytes": len(content)}


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--as", "pdf"], "as: 'pdf' is not allowed; it must be one of script"),
        (["--as", "script", "--output", ""], "output: '' is not allowed; it must be the path of a file or folder"),
        (["--as", "script", "--output", "/nowhere/x.py"], "output: '/nowhere/x.py' cannot be written (No such file"),
    ],
)
def test_bad_input_is_one_sentence(run, arguments, sentence, capsys):
    status, out, err = export(capsys, run, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"explorer: {sentence}")
    assert err.count("\n") == 1


def test_run_that_cannot_be_read_is_one_sentence(run, capsys):
    (run.path / "config.json").write_text('{"depth": "many"}')
    status, out, err = export(capsys, run, "--as", "script")
    assert (status, out) == (1, "")
    assert "config.json" in err and "depth: 'many' is not allowed" in err


def test_an_archive_comes_back_as_the_same_run(run, tmp_path, capsys):
    assert export(capsys, run, "--as", "archive", "--output", tmp_path)[0] == 0
    archive = tmp_path / f"{run.name}.zip"
    other = tmp_path / "other"
    assert main.main(["import", str(archive), "--runs", str(other), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == {"run": run.name, "path": str(other / run.name), "status": "interrupted", "epochs": 2}
    assert Run(other / run.name).history() == EPOCHS


def test_import_of_what_is_no_archive_is_one_sentence(tmp_path, capsys):
    (tmp_path / "x.zip").write_bytes(b"nothing")
    for path, sentence in ((tmp_path / "x.zip", "is not a complete zip file"), (tmp_path / "y.zip", "is not a file")):
        assert main.main(["import", str(path), "--runs", str(tmp_path / "runs")]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("explorer: archive: ") and sentence in err and err.count("\n") == 1


def test_several_runs_are_a_report_only(run, store, tmp_path, capsys):
    other = store.create(CONFIG.with_(depth=2))
    both = ["export", run.name, other.name, "--runs", str(store.folder), "--output", str(tmp_path), "--json", "--as"]
    assert main.main([*both, "script"]) == 2
    assert "as: 'script' is not allowed; it must be report for several runs" in capsys.readouterr().err
    assert main.main([*both, "report"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [run.name, other.name]
    assert b"Comparison of 2 runs" in (tmp_path / "comparison of 2 runs.html").read_bytes()
