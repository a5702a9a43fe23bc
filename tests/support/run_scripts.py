"""Runs Keras scripts one after the other and prints their histories as JSON; this project must not be importable.

`python -I run_scripts.py SCRIPT...`; each script runs in a folder of its own beside it.
"""

import contextlib
import importlib.util
import io
import json
import os
import runpy
import sys
from pathlib import Path

assert importlib.util.find_spec("explorer") is None

import keras  # noqa: E402

histories = {}
for script in map(Path, sys.argv[1:]):
    folder = script.with_suffix("")
    folder.mkdir(exist_ok=True)  # it may hold the data of the script
    os.chdir(folder)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = runpy.run_path(str(script))
    assert keras.models.load_model("best.keras").count_params() == names["model"].count_params()
    assert "validation accuracy" in printed.getvalue()
    histories[script.stem] = {
        **names["history"].history,
        "rates": float(names["optimizer"].learning_rate.numpy()),
        "last": [float(names["loss"]), float(names["accuracy"])],
    }
    keras.backend.clear_session()
assert not {name for name in sys.modules if name.partition(".")[0] == "explorer"}
print(json.dumps(histories))
