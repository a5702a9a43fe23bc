"""The Evaluate page as Streamlit's own test runner draws it, with digits models in a real process of the desk."""

import io

import keras
import numpy as np
import pytest
from browser import wait_for
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.history import EpochRecord
from explorer.runs import COMPLETED, RunStore
from explorer.training.network import build_network
from explorer.views import state

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20)


def saved_run(store, seed: int):
    """A run with a saved model that has learnt nothing: its figures are as good as any."""
    run = store.create(DIGITS.with_(seed=seed), name=f"seed{seed}")
    keras.utils.set_random_seed(seed)
    network = build_network(run.config)
    network.get_layer("input_scaling").build((None, 64))
    network.save(run.path / "best.keras")
    run.append(EpochRecord(1, 2.0, 0.2, 2.1, 0.19, 5e-5, 0.1))
    run.end(COMPLETED, "")
    return run.name


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two runs and a file of each kind that is refused."""
    folder = tmp_path_factory.mktemp("runs")
    store = RunStore(folder)
    names = [saved_run(store, 1), saved_run(store, 2)]
    plain = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, activation="softmax")])
    plain.save(folder / "plain.h5")
    (folder / "text.keras").write_text("no model")
    (folder.parent / "outside.keras").write_bytes((folder / names[0] / "best.keras").read_bytes())
    (folder / "link.keras").symlink_to(folder.parent / "outside.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_RUNS", str(folder))
        for cached in (state.store, state.library):
            cached.clear()
        yield store, names
    state.desk().close()
    state.engine().close()
    for cached in (state.store, state.library, state.desk, state.engine):
        cached.clear()


def settled(page: AppTest) -> AppTest:
    """The page once whatever it waits for is there."""
    wait_for(lambda: not any("in a process of its own" in info.value for info in page.run().info), 120)
    assert not page.exception
    return page


def evaluate(**query: str) -> AppTest:
    page = AppTest.from_file("../streamlit_app.py", default_timeout=60)
    page.run()
    page.switch_page("evaluate")
    page.query_params.update(query)
    return settled(page)


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info]
    return "\n".join(part.value for part in parts)


def metric(page: AppTest, label: str) -> str:
    return next(m.value for m in page.metric if m.label == label)
