"""The registry: what is stored, what every process knows of it, and what stays when the images are removed."""

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from explorer.config import FIELDS, TrainingConfig
from explorer.data import datasets
from explorer.data.dataset_file import stored_file
from explorer.data.own import registry
from explorer.data.own.description import Description, Report, StoredPart, from_json
from explorer.errors import DataError, FieldError, RunError
from explorer.export.archive import archive
from explorer.export.unpacking import unpack
from explorer.runs.run import Run
from explorer.runs.status import STOPPED
from explorer.runs.store import RunStore


def arrays(seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (30, 4, 6, 1), dtype=np.uint8)
    return {"x_train": images, "y_train": np.repeat(np.arange(3, dtype=np.uint8), 10)}


def made(name: str = "flowers", seed: int = 1, **changes) -> Description:
    parts = tuple(StoredPart(n, a.shape, hashlib.sha256(a).hexdigest()) for n, a in arrays(seed).items())
    values = {
        "name": name,
        "class_names": ("iris", "rose", "tulip"),
        "max_value": 255,
        "dark_background": False,
        "seed": 1,
        "parts": parts,
        "report": Report(source="flowers.zip", train=(8, 8, 8), validation=(2, 2, 2)),
    }
    return Description(**values | changes)


def add(name: str = "flowers", seed: int = 1) -> Description:
    description = made(name, seed)
    registry.write(description, b"".join(a.tobytes() for a in arrays(seed).values()))
    return description


def test_an_added_data_set_is_one_of_the_choices_at_once_and_loads():
    assert list(FIELDS["dataset"].choices) == list(datasets.BUILT_IN)
    description = add()
    assert list(FIELDS["dataset"].choices) == [*datasets.BUILT_IN, description.full_name]
    loaded = datasets.load(description.full_name)
    np.testing.assert_array_equal(loaded.images, arrays()["x_train"])
    assert loaded.spec.image_shape == (4, 6, 1) and loaded.spec.class_names == ("iris", "rose", "tulip")
    assert FIELDS["dataset"].title(description.full_name) == f"flowers ({description.hash[:6]})"


def test_a_configuration_names_what_it_is_trained_on_with_its_hash():
    description = add()
    assert TrainingConfig(dataset="flowers").dataset == description.full_name == f"flowers@{description.hash}"
    assert TrainingConfig.from_dict(TrainingConfig(dataset="flowers").to_dict()).dataset == description.full_name


def test_other_images_of_the_same_name_are_another_data_set():
    first, second = add(seed=1), made(seed=2)
    assert first.hash != second.hash
    assert made(class_names=("a", "b", "c")).hash != first.hash
    assert made(name="roses").hash == first.hash


def test_another_process_reads_the_same_registry():
    description = add()
    code = "from explorer.config import FIELDS; print(FIELDS['dataset'].parse('flowers'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.strip() == description.full_name


def test_a_data_set_that_another_process_adds_or_removes_is_noticed(cache):
    add()
    elsewhere = cache.with_name("elsewhere")
    shutil.move(cache, elsewhere)
    assert len(list(datasets.DATASETS)) == len(datasets.BUILT_IN)
    shutil.move(elsewhere, cache)
    assert len(list(datasets.DATASETS)) == len(datasets.BUILT_IN) + 1


def test_a_removed_data_set_is_known_but_not_offered_and_says_how_to_get_it_back():
    description = add()
    registry.remove(description)
    name = description.full_name
    assert not datasets.available(name) and name not in list(FIELDS["dataset"].choices)
    assert TrainingConfig(dataset=name).dataset == name and datasets.spec_of(name).classes == 3
    sentence = (
        f"the data set flowers ({description.hash[:6]}) is not on this machine; "
        "add it with `python -m explorer data add flowers PATH --size 4x6 --grey`"
    )
    for ask in (datasets.load, datasets.check_available):
        with pytest.raises(DataError) as caught:
            ask(name)
        assert str(caught.value) == sentence


def test_what_a_process_has_listed_stays_known_when_the_folder_is_lost(cache):
    name = add().full_name
    assert name in datasets.DATASETS
    shutil.rmtree(cache)
    assert datasets.spec_of(name).classes == 3 and not datasets.available(name)
    assert name not in list(datasets.DATASETS)


def test_a_damaged_file_of_images_is_not_used():
    description = add()
    path = stored_file(description.full_name)
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"was damaged .* add it again with `python -m explorer data add flowers PATH "):
        datasets.load(description.full_name)


DAMAGE = {
    "not JSON": lambda values: None,
    "a newer schema": lambda values: values | {"schema_version": 2},
    "one class": lambda values: values | {"class_names": ["iris"]},
    "two classes of one name": lambda values: values | {"class_names": ["iris", "iris", "rose"]},
    "a class name that is not drawn": lambda values: values | {"class_names": ["iris", "rose", "tu\u202elip"]},
    "a path as its name": lambda values: values | {"name": "../flowers"},
    "another name": lambda values: values | {"name": "roses"},
    "another hash": lambda values: values | {"parts": [values["parts"][0] | {"sha256": "0" * 64}, values["parts"][1]]},
    "a shape without end": lambda values: values | {"parts": [values["parts"][0] | {"shape": [2**40, 4, 6, 1]}]},
    "images without labels": lambda values: values | {"parts": values["parts"][:1]},
    "larger images": lambda values: values | {"parts": [{**values["parts"][0], "shape": [1, 999, 9]}] * 2},
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_description_is_left_out(cache, kind):
    kept, damaged = add("kept", seed=2), add()
    path = cache / "own" / f"{damaged.full_name}.json"
    values = DAMAGE[kind](json.loads(path.read_bytes()))
    path.unlink()  # so that the folder changes, as when another process writes it
    registry.descriptions()
    path.write_text("{" if values is None else json.dumps(values))
    assert list(registry.descriptions()) == [kept.full_name]


def test_what_could_not_be_read_again_is_not_stored(cache):
    with pytest.raises(DataError, match=r"the data set cannot be stored: .*max_value"):
        registry.write(made(max_value=10**9 + 1), b"".join(a.tobytes() for a in arrays().values()))
    assert not cache.exists()


def test_a_description_is_read_as_it_was_written():
    assert from_json(made().to_json()) == made()


@pytest.mark.parametrize("name", ["", "Flowers", "my flowers", "../x", "x" * 41, "1st", "flowers@1"])
def test_a_name_that_could_not_be_typed_or_stored_is_refused(name):
    with pytest.raises(FieldError, match="1 to 40 lower-case letters, digits and underscores"):
        registry.check_name(name)


def test_a_run_is_read_without_the_registry_from_its_own_folder(store, cache):
    description = add()
    run = store.create(TrainingConfig(dataset="flowers"))
    assert run.name.startswith("flowers_elu_20x100_")
    shutil.rmtree(cache)
    registry._learned.clear()  # as in another process
    (summary,) = RunStore(store.folder).list()
    assert summary.config.dataset == description.full_name
    assert datasets.spec_of(summary.config.dataset).class_names == ("iris", "rose", "tulip")
    assert not datasets.available(description.full_name)


def test_a_run_of_which_nothing_is_known_is_listed_with_its_reason(store, cache):
    name = add().full_name
    run = store.create(TrainingConfig(dataset="flowers"))
    other = store.create(TrainingConfig(dataset="digits"))
    shutil.rmtree(cache)
    registry._learned.clear()  # as in another process
    (run.path / "dataset.json").unlink()
    summaries = {summary.name: summary for summary in RunStore(store.folder).list()}
    assert summaries[run.name].problem == (
        f"config.json of {run.name} cannot be read: dataset: '{name}' is not allowed; it must be a data set of this "
        "machine; add it again with `python -m explorer data add flowers PATH`"
    )
    assert not summaries[other.name].problem


def test_a_run_from_another_machine_brings_the_description_of_its_data_set(store, cache, tmp_path):
    name = add().full_name
    run = store.create(TrainingConfig(dataset="flowers"))
    run.end(STOPPED, "")
    path = tmp_path / "run.zip"
    path.write_bytes(archive(run))
    shutil.rmtree(cache)
    registry._learned.clear()  # as in another process
    (tmp_path / "imported").mkdir()
    assert unpack(str(path), "run.zip", str(tmp_path / "imported")) == run.name
    assert Run(tmp_path / "imported").config.dataset == name
    assert datasets.spec_of(name).class_names == ("iris", "rose", "tulip") and not datasets.available(name)


def test_the_description_of_other_images_is_not_taken_for_those_of_a_run(store, cache):
    add()
    run = store.create(TrainingConfig(dataset="flowers"))
    (run.path / "dataset.json").write_bytes(made(seed=2).to_json())
    shutil.rmtree(cache)
    registry._learned.clear()  # as in another process
    with pytest.raises(RunError, match="it must be a data set of this machine"):
        _ = run.config
