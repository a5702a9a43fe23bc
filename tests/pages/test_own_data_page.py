"""A data set of one's own on the pages: added, looked at, chosen, trained, evaluated, removed."""

import os
import re
import shutil
import time

import pytest
from drawn import app, button, page_alone, texts
from own_pictures import COLOURS, files, write_folder, write_zip
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.data.own import arrays, registry
from explorer.data.own.adding import Request, add
from explorer.data.own.limits import MOST_UPLOADED_MIB
from explorer.pages import resources
from explorer.pages.train.own_data_state import name_from, saved
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED, INTERRUPTED
from explorer.runs.store import RunStore

SECONDS = 120
GONE = r"data set {} .{{1,20}} is not on this machine"  # not that of a data set that could be downloaded
QUICK = {"depth": "1", "width": "16", "epochs": "3", "learning_rate": "0.003", "input_scaling": "standardized"}


@pytest.fixture(scope="module")
def data(tmp_path_factory, processes):
    """The data cache of this module, which the processes that its pages start know."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_DATA", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def cache(data):
    """The data cache, empty."""
    shutil.rmtree(data, ignore_errors=True)
    resources.dataset.clear()
    return data


def labels(page: AppTest) -> list[str]:
    return [b.label for b in page.button]


def drawn_until(page: AppTest, condition) -> AppTest:
    """The page drawn again until a condition is true."""
    end = time.monotonic() + SECONDS
    while not condition(page):
        assert time.monotonic() < end, texts(page)
        time.sleep(0.2)
        page.run()
        assert not page.exception
    return page


def submitted(page: AppTest) -> AppTest:
    button(page, "Read and check").click().run()
    assert not page.exception
    return drawn_until(page, lambda page: "Reading and checking" not in texts(page))


def test_a_folder_on_the_server_is_added_chosen_trained_evaluated_and_compared(store, cache):
    """Three classes of grey images of 20 × 30 go through every page."""
    write_folder(cache / "pictures", [*files(), ("rose/![cut](x).png", b"no picture")])
    page = app(**QUICK)
    page.text_input(key="own_place").set_value("pictures")
    page.text_input(key="own_size").set_value("20x30")
    page.toggle(key="own_grey").set_value(True).run()
    submitted(page)
    said = texts(page)
    assert "**pictures** · 36 images in 3 classes, grey, 30 × 20 pixels" in said
    assert "1 file could not be read and is left out." in said and "'rose/!\\[cut\\](x).png' cannot be read" in said
    assert "A fifth of each class is held out for validation, chosen with seed 1." in said
    name = registry.find("pictures").full_name
    button(page, "Use pictures").click().run()
    assert page.selectbox(key="dataset").value == name and "Use pictures" not in labels(page)
    button(page, "Train").click().run()
    drawn_until(page, lambda _: [s.state for s in RunStore().list()] == [COMPLETED])
    (run,) = RunStore().list()
    assert run.config.dataset == name and len(run.records) == 3
    assert "pictures ELU 1×16" in texts(page.run())
    for other in ("evaluate", "compare"):
        shown = drawn_until(page_alone(other).run(), lambda shown: "Opening" not in texts(shown))
        assert not shown.exception and not shown.error, other
    button(page, "pictures").click().run()
    assert f"Trained on it: {run.name}" in texts(page).replace("\\", "")
    button(page, "Remove").click().run()
    assert not registry.names() and re.search(GONE.format("pictures"), texts(page))
    button(page, "Train again").click().run()
    assert len(RunStore().list()) == 1 and any(re.search(GONE.format("pictures"), e.value) for e in page.error)
    shown = page_alone("evaluate").run()
    assert re.search(GONE.format("pictures"), texts(shown)) and not shown.exception
    assert not page_alone("compare").run().exception


def test_an_uploaded_zip_file_gets_its_name_from_the_file(store, tmp_path):
    page = app()
    content = write_zip(tmp_path / "x.zip", files()).read_bytes()
    assert page.file_uploader[0].proto.max_upload_size_mb == MOST_UPLOADED_MIB == 200  # as the guide says
    page.file_uploader[0].upload("My Flowers (2).zip", content, "application/zip").run()
    submitted(page)
    description = registry.find("my_flowers_2")
    assert description.report.source == "My Flowers (2).zip" and description.class_names == tuple(COLOURS)
    button(page, "Close").click().run()
    assert "Use my_flowers_2" not in labels(page) and "my_flowers_2" in labels(page)


def test_a_table_asks_for_its_column_of_classes(store, tmp_path):
    page = app()
    rows = "".join(f"{place % 5},{place % 2}\n" for place in range(20))
    page.file_uploader[0].upload("table.csv", f"size,kind\n{rows}".encode(), "text/csv").run()
    submitted(page)
    (error,) = page.error
    assert "label: '' is not allowed; it must be the column with the class labels, one of size, kind." in error.value
    page.text_input(key="own_label").set_value("kind").run()  # the file is still there
    submitted(page)
    assert "**table** · 20 rows in 2 classes, 1 feature" in texts(page) and not page.error and not page.exception
    drawn = [part.proto.body for part in page.get("html")]
    assert "One row of each class" in texts(page) and any("a row of class 0" in part for part in drawn)
    assert any(">size: " in part for part in drawn), "each value is named by its column"
    assert page.run().text_input(key="own_name").value == "" and button(page, "Read and check").disabled
    button(page, "Use table").click().run()
    assert page.selectbox(key="dataset").value == registry.find("table").full_name and not page.exception


def test_a_table_that_is_added_again_with_other_names_of_its_columns_shows_these(store):
    rows = "".join(f"{place % 5},{place % 3},{place},{place % 2}\n" for place in range(20))
    for first in ("height", "weight"):
        page = app()
        page.file_uploader[0].upload("table.csv", f"{first},age,number,label\n{rows}".encode(), "text/csv").run()
        submitted(page)
        assert any(f">{first}: " in part.proto.body for part in page.get("html"))
    assert len(registry.names()) == 1


def test_a_reading_shows_its_progress_and_can_be_cancelled(store, cache):
    first = write_folder(cache / "many", files({"iris": 1, "rose": 1}))
    for path in first.glob("*/0.png"):
        for number in range(1, 10_000):
            os.link(path, path.with_name(f"{number}.png"))
    page = app()
    page.text_input(key="own_place").set_value("many").run()
    button(page, "Read and check").click().run()
    drawn_until(page, lambda page: any("of 20,000 files" in progress.proto.text for progress in page.get("progress")))
    button(page, "Cancel").click().run()
    drawn_until(page, lambda page: "Reading and checking" not in texts(page))
    assert not registry.names() and not page.error and "Cancel" not in labels(page)
    assert page.text_input(key="own_place").value == "many"  # to be read again


def test_a_saved_data_set_is_the_same_when_it_is_added_again(store, cache, tmp_path, monkeypatch):
    description = add(Request("flowers", str(write_folder(tmp_path / "flowers", files())), "flowers"))
    page = app()
    button(page, "flowers").click().run()
    assert [download.proto.label for download in page.get("download_button")] == ["Save"]
    path = tmp_path / "flowers.npz"
    monkeypatch.setattr(arrays, "write_npz", lambda *_: pytest.fail("it is compressed in the process of the pages"))
    path.write_bytes(saved(description))
    registry.remove(description)
    assert add(Request("flowers", str(path), "flowers.npz")).full_name == description.full_name


WRONG = {
    "own_place": ("../secret", "path: '../secret' is not allowed"),
    "own_size": ("999", "size: '999' is not allowed"),
    "own_name": ("digits", "name: 'digits' is not allowed"),
}


@pytest.mark.parametrize("key", WRONG)
def test_what_is_typed_wrong_is_named_in_one_sentence(store, cache, key):
    write_folder(cache / "pictures", files())
    page = app()
    page.text_input(key="own_place").set_value("pictures")
    page.text_input(key=key).set_value(WRONG[key][0]).run()
    submitted(page)
    (error,) = page.error
    assert WRONG[key][1] in error.value.replace("\\", "") and not registry.names()


def test_a_file_that_is_refused_is_one_sentence_and_the_page_goes_on(store, cache):
    write_folder(cache / "one", files({"iris": 20}))
    page = app()
    page.text_input(key="own_place").set_value("one").run()
    submitted(page)
    (error,) = page.error
    assert error.value == "data: 'one' has 1 class; a data set must have 2 to 256."
    button(page, "Close").click().run()
    assert not page.error and not page.exception


def test_a_run_whose_data_set_is_gone_is_shown_and_says_so_instead_of_resuming(store, cache):
    path = write_folder(cache / "pictures", files())
    description = add(Request("flowers", str(path), "pictures"))
    config = TrainingConfig(dataset="flowers", depth=1, width=8)
    run = store.create(config)
    run.append(EpochRecord(1, 2.0, 0.3, 2.0, 0.3, 1e-3, 1.0))
    run.end(INTERRUPTED, "")
    registry.remove(description)
    page = app(run=run.name)
    assert not page.exception and "flowers ELU 1×8" in texts(page)
    assert "The data set flowers" in texts(page)
    button(page, "Resume").click().run()
    assert any(re.search(GONE.format("flowers"), error.value) for error in page.error)
    assert run.status().status == INTERRUPTED
    for other in ("compare", "evaluate", "sweep"):
        assert not page_alone(other).run().exception, other


@pytest.mark.parametrize(
    ("file", "name"),
    [("My Flowers.zip", "my_flowers"), ("2024-cats.npz", "cats"), ("çà.zip", ""), ("a" * 60 + ".zip", "a" * 40)],
)
def test_a_name_is_suggested_by_the_file(file, name):
    assert name_from(file) == name
