"""Who may import whom, read from the source, and what a page's process really imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "explorer"
HEAVY = {"tensorflow", "keras"}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((PACKAGE / folder).glob("*.py"))]


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_streamlit_is_imported_only_by_the_views():
    assert [p.name for p in modules("", "sources", "training") if "streamlit" in roots(p)] == []


FRAMEWORKS = "explorer.training.frameworks"


def test_tensorflow_is_imported_in_one_module_and_used_where_networks_are_trained_or_measured():
    everywhere = modules("", "sources", "views", "training", "evaluation", "sweeps", "diagnosis")
    assert [path.stem for path in everywhere if roots(path) & HEAVY] == ["frameworks"]
    users = {path.name for path in modules("", "sources", "views", "sweeps") if FRAMEWORKS in imports(path)}
    assert users == {"worker.py", "benchmark.py"}


def test_tensorflow_is_imported_without_what_is_not_used_which_can_be_imported_afterwards():
    script = f"""
import gc, sys
import {FRAMEWORKS}
print({{"sklearn", "pandas", "scipy.stats"}} & set(sys.modules), gc.isenabled(), gc.get_freeze_count() > 100_000)
import pandas, sklearn.base
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "set() True True\n"


@pytest.mark.parametrize(
    ("module", "may_import"),
    [
        ("errors", set()),
        ("records", {"errors"}),
        ("files", {"records"}),
        ("process", set()),
        ("leftovers", {"files"}),
        ("model_mark", {"history"}),
        ("datasets", {"errors"}),
        ("activations", set()),
        ("config", {"activations", "errors", "datasets"}),
        ("presets", {"errors", "config", "datasets"}),
        ("history", {"errors", "records"}),
        ("palette", {"history"}),
        ("gallery", {"config", "errors"}),
        ("twins", {"config", "estimate"}),
        ("charts_inside", {"charts", "history", "palette", "signals"}),
        ("charts_twins", {"charts", "history", "palette"}),
        ("charts", {"history", "palette"}),
        ("reference", {"config"}),
        ("progress", {"config", "history", "runs"}),
        ("annotations", {"errors", "files", "records"}),
        ("run_index", {"annotations", "config", "files", "history", "records", "runs"}),
        ("signals", {"records"}),
        ("signals_file", {"files", "signals"}),
        (
            "runs",
            {"annotations", "errors", "config", "files", "history", "process", "records", "signals", "signals_file"},
        ),
        ("run_store", {"annotations", "errors", "config", "files", "leftovers", "process", "run_index", "runs"}),
        ("comparison", {"config", "errors", "estimate", "runs"}),
    ],
)
def test_rooms_know_only_what_they_may(module, may_import):
    found = {n.split(".")[1] for n in imports(PACKAGE / f"{module}.py") if n.startswith("explorer.")}
    assert found <= may_import


def test_the_trainer_knows_neither_pages_nor_workers_nor_folders():
    for path in modules("training"):
        assert not roots(path) & {"streamlit", "distributed", "dask"}, path
        assert not imports(path) & {"explorer.runs", "explorer.engine", "explorer.views"}, path


def test_a_page_never_imports_tensorflow(tmp_path):
    """A fresh process that renders every page, with a run in the store, holds neither TensorFlow nor Keras."""
    script = """
import sys
from drawn import page_alone, whole_app
from explorer.config import TrainingConfig
from explorer.run_store import RunStore
run = RunStore().create(TrainingConfig(dataset="digits"))
(run.path / "best.keras").write_bytes(b"no model, and opened elsewhere if at all")
for app in (whole_app(), *map(page_alone, ("train", "compare", "sweep", "evaluate", "gallery"))):
    app.run()
    assert not app.exception, app.exception
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            "EXPLORER_RUNS": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")


def test_only_one_module_of_the_evaluation_imports_tensorflow_and_none_at_its_top():
    heavy = [path for path in modules("evaluation") if FRAMEWORKS in imports(path)]
    assert [path.name for path in heavy] == ["network.py"]
    for path in modules("evaluation"):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        at_top = {a.name.split(".")[0] for node in statements if isinstance(node, ast.Import) for a in node.names}
        modules_at_top = {node.module for node in statements if isinstance(node, ast.ImportFrom)}
        at_top |= {name.split(".")[0] for name in modules_at_top}
        assert not at_top & {*HEAVY, "h5py", "pandas", "PIL"}, path
        assert not any(name.startswith("explorer.training") for name in modules_at_top), path
        assert not roots(path) & {"streamlit", "sklearn", "scipy"}, path


def test_the_rules_of_diagnosis_know_only_records():
    allowed = {"activations", "config", "datasets", "diagnosis", "estimate", "history", "signals"}
    for path in modules("diagnosis"):
        assert {n.split(".")[1] for n in imports(path) if n.startswith("explorer.")} <= allowed, path
        assert roots(path) <= {"explorer", *sys.stdlib_module_names}, path
