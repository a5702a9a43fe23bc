"""Who may import whom, read from the source, and what a page's process really imports."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.training.program_files import CODE

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
    """All modules of some packages, those of their own packages included."""
    return [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def bound_at_top(path: Path) -> set[str]:
    """The names that a module binds at its top: what it defines, assigns and imports."""
    names = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


@functools.cache
def importable(module: str) -> frozenset[str]:
    """The names that can be imported from a module or a package of this project."""
    place = ROOT / module.replace(".", "/")
    if not place.is_dir():
        return frozenset(bound_at_top(place.with_suffix(".py")))
    return frozenset({path.stem for path in place.iterdir()} | bound_at_top(place / "__init__.py"))


@pytest.mark.parametrize("folder", ["explorer", "tests"])
def test_what_is_imported_is_there(folder):
    missing = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.module}.{alias.name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("explorer")
        for alias in node.names
        if alias.name not in importable(node.module)
    ]
    assert missing == []


# A module imports from its own package and from the lines above it, never from those below or beside it.
LAYERS = (
    {"activations", "code_version", "errors", "machine", "plain_text", "process", "user_cache"},
    {"records", "scratch", "whole_number", "zipped"},
    {"files", "isolation"},
    {"data", "work_folder"},
    {"config"},
    {"presets", "runs"},
    {"palette", "training", "diagnosis"},
    {"workers"},
    {"evaluation", "sweeps"},
    {"benchmarks", "charts", "fixes"},
    {"export"},
    {"cli", "pages"},
    {"__main__"},
)
RANK = {name: number for number, names in enumerate(LAYERS) for name in names}


def own_room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_used(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("explorer.")} - {own_room(path)}


MODULES = [path for path in modules("") if path != PACKAGE / "__init__.py"]


def test_every_room_has_its_layer():
    assert {own_room(path) for path in MODULES} == set(RANK)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    assert {room for room in rooms_used(path) if RANK[room] >= RANK[own_room(path)]} == set()


def test_streamlit_is_imported_by_the_pages_alone_and_its_protocol_by_the_benchmark_that_opens_them():
    users = [path for path in MODULES if "streamlit" in roots(path)]
    others = [path for path in users if own_room(path) != "pages"]
    assert [path.relative_to(PACKAGE).as_posix() for path in others] == ["benchmarks/watcher.py"]
    assert {name for name in imports(others[0]) if name.startswith("streamlit")} == {
        *("streamlit.proto.BackMsg_pb2", "streamlit.proto.BackMsg_pb2.BackMsg"),
        *("streamlit.proto.ForwardMsg_pb2", "streamlit.proto.ForwardMsg_pb2.ForwardMsg"),
    }


FRAMEWORKS = "explorer.training.frameworks"


def test_records_alone_have_msgspec_read_values():
    """It locks what msgspec does at a class's first use, which two threads must not do at once."""
    reads = re.compile(r"msgspec\.convert|[jJ]son\.(Decoder|decode)\b")
    assert {path.relative_to(PACKAGE).as_posix() for path in MODULES if reads.search(path.read_text())} == {
        "records.py"
    }


def test_tensorflow_is_imported_in_one_module_and_used_where_networks_are_trained_or_measured():
    assert [path.stem for path in MODULES if roots(path) & HEAVY] == ["frameworks"]
    users = {own_room(path) for path in MODULES if FRAMEWORKS in imports(path)}
    assert users == {"training", "workers", "evaluation", "benchmarks"}


def test_tensorflow_is_imported_without_what_is_not_used_which_can_be_imported_afterwards():
    script = f"""
import gc, sys
import {FRAMEWORKS}
print({{"sklearn", "pandas", "scipy.stats"}} & set(sys.modules), gc.isenabled(), gc.get_freeze_count() > 100_000)
import pandas, sklearn.base
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "set() True True\n"


def test_the_trainer_knows_neither_pages_nor_workers_nor_folders():
    for path in modules("training"):
        assert not roots(path) & {"streamlit", "distributed", "dask"}, path
        assert not imports(path) & {"explorer.runs.run", "explorer.runs.run_summary", "explorer.runs.store"}, path


# what the training package imports, but cannot change what is traced: types, files, texts, and what happens around the
# programs; a data set's sizes are facts of a program's name
NOT_TRACED = {
    *("code_version", "data.datasets", "data.spec", "errors", "files", "isolation", "machine", "plain_text", "records"),
    *("runs.cause", "runs.decision_boundary", "runs.history", "runs.model_mark", "scratch", "user_cache", "zipped"),
}


def test_changed_code_of_a_traced_program_is_another_program():
    """The key of a stored program hashes every module that its code uses, but for those named above."""
    used = set()
    for name in set().union(*map(imports, modules("training"))):
        path = name.removeprefix("explorer.").replace(".", "/") + ".py"
        if name.startswith("explorer.") and (PACKAGE / path).exists() and not path.startswith("training/"):
            used.add(path)
    not_traced = {name.replace(".", "/") + ".py" for name in NOT_TRACED}
    assert used == not_traced | (set(CODE) - {"training"}) and not not_traced & set(CODE)


def test_a_page_never_imports_tensorflow(tmp_path):
    """A fresh process that renders every page, with a run in the store, holds neither TensorFlow nor Keras."""
    script = """
import sys
from drawn import page_alone, whole_app
from explorer.config import TrainingConfig
from explorer.runs.store import RunStore
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
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")


def test_only_one_module_of_the_evaluation_imports_tensorflow_and_none_at_its_top():
    heavy = [path for path in modules("evaluation") if FRAMEWORKS in imports(path)]
    assert [path.name for path in heavy] == ["opened_model.py"]
    for path in modules("evaluation"):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        at_top = {a.name.split(".")[0] for node in statements if isinstance(node, ast.Import) for a in node.names}
        modules_at_top = {node.module for node in statements if isinstance(node, ast.ImportFrom)}
        at_top |= {name.split(".")[0] for name in modules_at_top}
        assert not at_top & {*HEAVY, "h5py", "pandas", "PIL", "scipy"}, path
        assert not any(name.startswith("explorer.training") for name in modules_at_top), path
        assert not roots(path) & {"streamlit", "sklearn"} and "scipy.stats" not in imports(path), path


def test_the_rules_of_diagnosis_know_only_records():
    texts = ("config", "diagnosis", "errors", "plain_text")
    records = ("activations", "data.datasets", "runs.cause", "runs.history", "runs.signals", "runs.cost_estimate")
    known = tuple(f"explorer.{name}" for name in (*texts, *records))
    for path in modules("diagnosis"):
        used = {name for name in imports(path) if name.startswith("explorer.")} - {"explorer.data", "explorer.runs"}
        assert all(name.startswith(known) for name in used), path
        assert roots(path) <= {"explorer", *sys.stdlib_module_names}, path


# --- What is read in one go ---------------------------------------------------------------------------------------

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 40
# Tables of data and of texts, which are read one row at a time.
TABLES = {
    "benchmarks/faults.py",
    "config.py",
    "diagnosis/case_questions.py",
    "diagnosis/fault_cases.py",
    "diagnosis/lessons.py",
}


def test_a_module_is_no_longer_than_can_be_read():
    lines = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    assert {name for name, count in lines.items() if count > MOST_LINES} <= TABLES
    assert set(lines) >= TABLES


def test_a_function_is_no_longer_than_can_be_read():
    long = {
        f"{path.relative_to(PACKAGE).as_posix()} {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }
    assert not long


# --- A sentence is for people: no code compares or parses one ----------------------------------------------------


def is_sentence(node: ast.AST) -> bool:
    """Whether an expression is a reason: `x.reason`, `reason`, or `x["reason"]`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "reason"
    return getattr(node, "attr", getattr(node, "id", "")) == "reason"


def looks_into_sentence(node: ast.AST) -> bool:
    """A comparison, an `in`, a method such as `startswith`, a slice, a pattern or a `match`."""
    if isinstance(node, ast.Compare):
        return any(map(is_sentence, (node.left, *node.comparators)))
    if isinstance(node, ast.Match):
        return is_sentence(node.subject)
    if isinstance(node, ast.Subscript):
        return is_sentence(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
        pattern = of_re or node.func.attr in ("match", "search", "fullmatch")
        return is_sentence(node.func.value) or (pattern and any(map(is_sentence, node.args)))
    return False


@pytest.mark.parametrize(
    "source",
    [
        "run.reason == WORDS",
        "x = 'early' in status.reason",
        "run.reason.startswith('diverged')",
        "reason.split(';')[0]",
        "told['reason'] != ''",
        "re.match('a', reason)",
        "PATTERN.search(status.reason)",
        "status.reason[:8]",
        "match status.reason:\n    case 'a': pass",
    ],
)
def test_what_looks_into_a_sentence_is_found(source):
    assert any(map(looks_into_sentence, ast.walk(ast.parse(source))))


@pytest.mark.parametrize("source", ["f'manually: {status.reason}'", "show(reason or 'none')", "if reason: pass"])
def test_what_only_shows_a_sentence_is_not(source):
    assert not any(map(looks_into_sentence, ast.walk(ast.parse(source))))


def test_no_code_looks_into_a_reason_but_the_inference_of_old_folders():
    looking = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(map(looks_into_sentence, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert looking == {"runs/cause.py"}


READS = {"removeprefix", "removesuffix", "startswith", "endswith", "partition", "rpartition", "split", "rsplit"}
SEVERAL_WORDS, CAPITALIZED = re.compile(r"[A-Za-z]{2,} +[A-Za-z]{2}"), re.compile(r"[A-Z][a-z]+")


def compares_words(node: ast.AST, labels: bool) -> bool:
    """A comparison with several words of text, or a method that looks for them; with `labels` also "Table"."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchValue):
        sides = [node.value]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
        sides = node.args
    else:
        return False
    parts = [part for side in sides for part in getattr(side, "elts", [side])]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(SEVERAL_WORDS.search(text) or (labels and CAPITALIZED.fullmatch(text)) for text in texts)


@pytest.mark.parametrize(
    "source",
    [
        "now.source != 'this machine'",
        "source in ('', 'this machine')",
        "headline(config).removesuffix(', trained with plain Keras.')",
        "text if verdict == 'well calibrated' else ''",
        "what == 'Table'",
        "match text:\n    case 'batch norm': pass",
    ],
)
def test_a_comparison_with_words_is_found(source):
    assert any(compares_words(node, labels=True) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("source", ["status == 'queued'", "show('this machine')", "name.removesuffix('.zip')"])
def test_a_comparison_with_a_name_is_not(source):
    assert not any(compares_words(node, labels=True) for node in ast.walk(ast.parse(source)))


def test_no_code_compares_or_parses_words_but_those_of_other_programs():
    comparing = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if compares_words(node, labels=own_room(path) in ("cli", "pages"))  # elsewhere, a class of Keras
    }
    assert comparing == {"evaluation/load_failures.py"}  # what Keras writes before its reason


def test_whoever_ends_a_run_writes_its_cause():
    calls = [
        (path.relative_to(PACKAGE).as_posix(), node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "end" and node.args
    ]
    assert {path.split("/")[0] for path, _ in calls} >= {"workers", "sweeps", "benchmarks"}
    assert [path for path, call in calls if len(call.args) != 3] == []


# --- Names say what they hold -------------------------------------------------------------------------------------

NAMES_THAT_SAY_NOTHING = {"found", "shown", "told", "words"}


def names_given(tree: ast.AST) -> set[str]:
    """The names of variables, parameters, attributes, functions, classes and imported modules, without `_` around."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.rpartition(".")[2])
            case ast.MatchAs(name=name) | ast.MatchStar(name=name) | ast.ExceptHandler(name=name) if name:
                names.add(name)
    return {name.strip("_").lower() for name in names}


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "class Shown: pass",
        "def f(words): pass",
        "def _told(): pass",
        "print(rule.words)",
        "for a, WORDS in b: pass",
        "from a import words",
    ],
)
def test_a_name_that_says_nothing_is_noticed(source):
    assert names_given(ast.parse(source)) & NAMES_THAT_SAY_NOTHING


def test_names_say_what_they_hold():
    unclear = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if names_given(ast.parse(path.read_text(encoding="utf-8"))) & NAMES_THAT_SAY_NOTHING
    }
    assert unclear == set()
