"""The command `cache`, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from explorer.training import program_files

ROOT = Path(__file__).parents[2]


def cache(*options: str) -> str:
    command = [sys.executable, "-m", "explorer", "cache", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_compiled_programs_are_counted_and_removed(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("EXPLORER_CACHE", str(folder))
    nothing = f"compiled programs of 0 networks in {folder}: 0 MB of at most 268 MB\n"
    assert cache() == nothing
    for key in "ab":
        program_files.write(key, program_files.Stored({}, {"train": bytes(10**6)}))
    (folder / "other").write_text("not a program")
    assert cache() == f"compiled programs of 2 networks in {folder}: 2 MB of at most 268 MB\n"
    counted = json.loads(cache("--json"))
    assert counted["networks"] == 2 and counted["bytes"] > 2e6 and counted["folder"] == str(folder)
    assert cache("--clear") == nothing
    assert [path.name for path in folder.iterdir()] == ["other"]
