"""Pictures that a person adds, in folders and zip files: what is read, what is refused and in which words."""

import os
import stat
import zipfile

import numpy as np
import pytest
from own_data import added, refused
from own_pictures import COLOURS, encoded, files, picture, write_folder, write_zip
from PIL import Image

from explorer.data import datasets
from explorer.data.own import adding, pictures_in_folders, registry, report_text
from explorer.data.own.progress import Cancelled, Progress
from explorer.errors import ExplorerError, FieldError

# --- Folders and zip files -------------------------------------------------------------------------------


def test_a_folder_is_read_divided_and_loaded(tmp_path):
    description = added(write_folder(tmp_path / "pictures", files()), size=(20, 30))
    assert report_text.headline(description) == "36 images in 3 classes, colour, 30 × 20 pixels"
    assert sum(description.report.train) == 28 and sum(description.report.validation) == 8
    assert report_text.remarks(description.report) == ["All images had 24 × 16 pixels."]
    assert not report_text.warnings(description)
    dataset = datasets.load("flowers")
    assert dataset.images.shape == (36, 20, 30, 3) and dataset.spec.name == description.full_name
    for image, label in zip(dataset.images, dataset.labels, strict=True):
        colour = COLOURS[dataset.spec.class_names[label]]
        assert abs(image.mean((0, 1)) - colour).max() < 15


def test_a_zip_file_of_the_same_pictures_is_the_same_data_set(tmp_path):
    description = added(write_folder(tmp_path / "pictures", files()))
    contents = list(files(above="some/where/"))[::-1]
    again = added(write_zip(tmp_path / "pictures.zip", [*contents, ("some/README.txt", b"mine")]))
    assert again.full_name == description.full_name
    assert again.report.ignored == ("some/README.txt",)


@pytest.mark.parametrize("kind", ["folder", "zip", "csv"])
def test_a_cancelled_reading_adds_nothing(tmp_path, kind):
    made = {
        "folder": lambda: write_folder(tmp_path / "pictures", files()),
        "zip": lambda: write_zip(tmp_path / "pictures.zip", files()),
        "csv": lambda: write_folder(tmp_path, [("rows.csv", b"size,label\n" + b"1,a\n2,b\n" * 9)]) / "rows.csv",
    }
    progress = Progress(str(tmp_path))
    path = made[kind]()
    progress.cancel()
    assert refused(path, work=progress.folder) == "data: cancelled; nothing was added"


def test_a_reading_tells_how_far_it_has_come(tmp_path):
    progress = Progress(str(tmp_path))
    assert progress.read() is None
    added(write_folder(tmp_path / "pictures", files()), work=progress.folder)
    assert progress.read() == (0, 36)  # written a few times per second, and this takes less
    progress.cancel()
    with pytest.raises(Cancelled):
        progress.check()


def test_a_seed_divides_the_pictures_anew(tmp_path):
    folder = write_folder(tmp_path / "pictures", files())
    assert added(folder, "one", seed=1).hash != added(folder, "two", seed=2).hash


@pytest.mark.parametrize(("grey", "channels"), [(False, 3), (True, 1)])
def test_pictures_of_any_size_and_mode_become_images_of_one(tmp_path, grey, channels):
    modes = {"L": "PNG", "RGBA": "PNG", "P": "PNG", "CMYK": "JPEG", "I;16": "PNG", "1": "PNG", "RGB": "WEBP"}
    contents = list(files({"iris": 5, "rose": 5}))
    for place, (mode, kind) in enumerate(modes.items()):
        image = picture((200, 30, 60), place, (10 + 30 * place, 90))
        image = Image.fromarray(np.full((40, 50), 40_000, np.uint16)) if mode == "I;16" else image.convert(mode)
        contents.append((f"rose/{mode.replace(';', '')}", encoded(image, kind)))
    description = added(write_folder(tmp_path / "pictures", contents), grey=grey)
    assert description.spec.image_shape == (32, 32, channels) and not description.report.unreadable
    assert sum(description.report.train + description.report.validation) == 17
    assert description.report.all_sizes == 1 + len(modes)


def test_folders_for_training_and_testing_are_kept_apart(tmp_path):
    contents = [*files(above="set/train/"), *files({"iris": 2, "rose": 1}, above="set/test/")]
    description = added(write_zip(tmp_path / "split.zip", contents))
    assert description.class_names == tuple(COLOURS) and description.report.test == (2, 1, 0)
    # the same pictures are in both
    assert description.report.test_in_training + description.report.validation_in_training <= 3
    assert datasets.load("flowers").split("test")[0].shape == (3, 32, 32, 3)
    assert any(
        "test image" in text and "also in the training split" in text for text in report_text.warnings(description)
    )


@pytest.mark.parametrize("folder", ["val", "valid", "Validation"])
def test_the_files_of_a_validation_folder_are_divided_anew_and_that_is_said(tmp_path, folder):
    contents = [*files(above="train/"), *files({"iris": 2, "rose": 1}, above=f"{folder}/")]
    contents.append((f"{folder}/rose/cut.png", b"no picture"))
    description = added(write_folder(tmp_path / "set", contents))
    assert sum(description.report.train + description.report.validation) == 39
    assert report_text.division(description) == (
        "The 3 files in its validation folder were divided anew, together with the training images. A fifth of each "
        "class is held out for validation, chosen with seed 1."
    )
    assert "anew" not in report_text.division(added(write_folder(tmp_path / "other", files({"val": 6, "x": 6})), "two"))


def test_repeated_and_contradictory_images_are_counted(tmp_path):
    contents = list(files())
    contents += [("iris/again.png", contents[0][1]), ("rose/also.png", contents[0][1])]
    description = added(write_folder(tmp_path / "pictures", contents))
    report = description.report
    assert report.contradictory == 3
    assert report.twice + report.validation_in_training in (2, 1)
    assert any(text == "3 images are in more than one class." for text in report_text.warnings(description))


def test_an_image_in_both_training_and_validation_is_said(tmp_path):
    same = encoded(picture((9, 9, 9), 1))
    contents = [(f"{name}/{place}.png", same) for name in ("a", "b") for place in range(20)]
    description = added(write_folder(tmp_path / "pictures", contents))
    report = description.report
    assert report.validation_in_training == 8 and report.twice == 31
    sentence = "8 validation images are also in the training split, so the validation accuracy is too high."
    assert sentence in report_text.warnings(description)


def test_classes_out_of_balance_are_said(tmp_path):
    description = added(write_folder(tmp_path / "pictures", files({"iris": 5, "rose": 45})))
    (sentence,) = report_text.warnings(description)
    assert sentence == (
        "The classes are not balanced: the largest has 45 images, the smallest 5; "
        "always predicting the largest gives an accuracy of 90%."
    )


def test_hidden_files_are_ignored_and_said_and_unreadable_ones_are_named(tmp_path):
    good = next(files())[1]
    contents = [
        *files(),
        ("__MACOSX/iris/._0.png", b"x"),
        (".DS_Store", b"x"),
        ("rose/Thumbs.db", b"x"),
        ("notes.txt", b"x"),
    ]
    contents += [("rose/cut.png", good[:100]), ("rose/empty.png", b""), ("rose/text.png", b"no picture")]
    description = added(write_zip(tmp_path / "pictures.zip", contents))
    report = description.report
    assert set(report.ignored) == {"__MACOSX/iris/._0.png", ".DS_Store", "rose/Thumbs.db", "notes.txt"}
    assert sorted(report.unreadable) == [
        "'rose/cut.png' is truncated or damaged; it must be a PNG, JPEG or WebP image",
        "'rose/empty.png' is empty (0 bytes); it must be a PNG, JPEG or WebP image",
        "'rose/text.png' cannot be read as an image; it must be a PNG, JPEG or WebP image",
    ]
    assert "3 files could not be read and are left out." in report_text.warnings(description)


def test_links_and_devices_in_a_folder_are_not_followed(tmp_path):
    folder = write_folder(tmp_path / "pictures", files())
    (tmp_path / "secret.png").write_bytes(encoded(picture((1, 2, 3), 1)))
    (folder / "rose" / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "rose" / "pipe.png")
    report = added(folder).report
    assert sorted(report.unreadable) == [
        "'rose/link.png' cannot be read: it is a link",
        "'rose/pipe.png' cannot be read: it is not a regular file",
    ]
    assert "elsewhere" in report.ignored and sum(report.train + report.validation) == 36


def test_a_picture_with_more_pixels_than_are_decoded_is_named(tmp_path):
    bomb = encoded(Image.new("1", (12_000, 12_000)))
    report = added(write_folder(tmp_path / "pictures", [*files(), ("rose/bomb.png", bomb)])).report
    assert report.unreadable == ("'rose/bomb.png' has 12,000 × 12,000 pixels; at most 50 million are allowed",)


def member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


UNSAFE = {
    "../rose/0.png": "contains the path '../rose/0.png', which is not allowed",
    "/etc/rose/0.png": "contains the path '/etc/rose/0.png', which is not allowed",
    "C:/rose/0.png": "contains the path 'C:/rose/0.png', which is not allowed",
    "rose\\0.png": "contains the path 'rose\\\\0.png', which is not allowed",
}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_zip_file_with_an_unsafe_path_is_refused(tmp_path, name):
    path = write_zip(tmp_path / "x.zip", [*files(), (name, b"x")])
    assert refused(path) == f"data: 'x.zip' {UNSAFE[name]}"


def test_a_zip_file_with_a_link_is_refused(tmp_path):
    path = write_zip(tmp_path / "x.zip", [*files(), (member("rose/l.png", stat.S_IFLNK | 0o777), b"/etc/passwd")])
    assert refused(path) == "data: 'x.zip' contains 'rose/l.png', which is a link or a device, not a file"


def test_zip_files_that_grow_beyond_bounds_are_refused(tmp_path, monkeypatch):
    bomb = write_zip(tmp_path / "bomb.zip", [("rose/0.png", bytes(40 * 2**20))])
    assert refused(bomb) == "data: 'bomb.zip' would grow from 0.0 to 40 MiB when unpacked, which is not allowed"
    monkeypatch.setattr(pictures_in_folders, "MOST_UNPACKED", 10 * 2**20)
    assert refused(bomb) == "data: 'bomb.zip' would unpack to 40 MiB; at most 10 MiB are allowed"


def test_more_files_bytes_or_pixels_than_allowed_are_refused(tmp_path, monkeypatch):
    folder, packed = write_folder(tmp_path / "many", files()), write_zip(tmp_path / "many.zip", files())
    monkeypatch.setattr(pictures_in_folders, "MOST_FILES", 20)
    assert refused(folder) == "data: 'many' has more than 20 files, the most that are allowed"
    assert refused(packed) == "data: 'many.zip' has 36 entries; at most 20 are allowed"
    monkeypatch.undo()
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(pictures_in_folders, "LARGEST_FILE", 2**20)
    monkeypatch.setattr(pictures_in_folders, "MOST_STORED", 2**20)
    large = tmp_path / "large.zip"
    large.write_bytes(bytes(3 * 2**20))
    assert refused(large) == "data: 'large.zip' has 3 MiB; at most 1 MiB are allowed"
    sentence = "data: 'many' has images of more than 1 MiB at this size; choose a smaller size"
    assert refused(folder, size=(200, 200)) == sentence


def test_a_file_that_is_larger_than_its_archive_says_is_read_to_its_limit_only(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "x.zip", [*files(), ("rose/large.png", os.urandom(300_000))])
    content = path.read_bytes().replace((300_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    path.write_bytes(content)
    (sentence,) = added(path).report.unreadable
    assert (sentence.startswith("'rose/large.png' ") and "image" in sentence) or "cannot be read" in sentence


DAMAGED = {
    "cut off": lambda content: content[: len(content) // 2],
    "not a zip file": lambda content: b"pictures",
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_zip_file_is_refused(tmp_path, kind):
    path = write_zip(tmp_path / "x.zip", files())
    path.write_bytes(DAMAGED[kind](path.read_bytes()))
    assert refused(path) == "data: 'x.zip' is not a complete zip file, or it is damaged"


def test_a_file_with_a_wrong_checksum_is_named(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:  # stored, so that the picture's own bytes can be changed
        for name, content in [*files(), ("rose/x.png", picture_bytes := encoded(picture((1, 2, 3), 77)))]:
            file.writestr(name, content)
    content = path.read_bytes()
    middle = content.index(picture_bytes) + len(picture_bytes) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    (sentence,) = added(path).report.unreadable
    assert sentence.startswith("'rose/x.png' cannot be read: Bad CRC-32")


CLASSES = {
    "one class": ({"iris": 20}, "has 1 class; a data set must have 2 to 256"),
    "too few": (
        {"iris": 20, "rose": 4},
        "has 4 images of the class 'rose'; a class must have at least 5, so that one can be held out for validation",
    ),
    "not drawn": (
        {"iris": 20, "ro\u202ese": 20},
        "has the class 'ro\\u202ese'; the name of a class must have 1 to 60 printable characters",
    ),
    "too long": (
        {"iris": 20, "r" * 61: 20},
        f"has the class '{'r' * 61}'; the name of a class must have 1 to 60 printable characters",
    ),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_that_cannot_be_used_are_refused(tmp_path, kind):
    numbers, sentence = CLASSES[kind]
    assert refused(write_folder(tmp_path / "x", files(numbers))) == f"data: 'x' {sentence}"


@pytest.mark.parametrize("above", ["", "set/", "set/train/"])
@pytest.mark.parametrize("left", ["", "Thumbs.db", "deeper/", ".ipynb_checkpoints/"])
@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_a_class_folder_without_an_image_is_named(tmp_path, above, left, write):
    """Not left out in silence, whether it is empty or holds what nobody means as an image."""
    contents = list(files({"iris": 6, "rose": 6}, above=above))
    place = f"{above}tulip/{left}"
    if write is write_zip:
        path = write_zip(tmp_path / "x.zip", [(above, b"")] * bool(above) + [*contents, (place, b"")])
    else:
        path = write_folder(tmp_path / "x", contents)
        (path / place).mkdir(parents=True) if place.endswith("/") else write_folder(path, [(place, b"")])
    sentence = "has 0 images of the class 'tulip'; a class must have at least 5, so that one can be held out for"
    assert refused(path).startswith(f"data: {path.name!r} {sentence}")


def test_an_empty_folder_that_is_no_class_does_no_harm(tmp_path):
    path = write_folder(tmp_path / "x", files(above="train/"))
    for empty in ("notes", "test/iris", "train/iris/more", ".git/refs", "train/.cache"):
        (path / empty).mkdir(parents=True)
    report = added(path).report
    assert sum(report.train + report.validation) == 36 and not report.ignored and not report.test


def test_a_folder_without_classes_is_refused(tmp_path):
    path = write_folder(tmp_path / "x", [("0.png", encoded(picture((1, 2, 3), 1)))])
    assert refused(path) == "data: 'x' has no folders with images; it must have one folder for each class"


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "x.rar"
    path.write_bytes(b"Rar!")
    assert refused(path) == f"path: 'x.rar' is not allowed; it must be {adding.PATH_ALLOWED}"


# --- Names and sizes -------------------------------------------------------------------------------------


def test_the_same_images_are_stored_once_and_a_name_is_given_once(tmp_path):
    one = write_folder(tmp_path / "one", files())
    other = write_folder(tmp_path / "other", files({"iris": 6, "rose": 6}))
    first = added(one)
    assert added(one).full_name == first.full_name
    with pytest.raises(ExplorerError, match="these images and labels have already been added as 'flowers'"):
        added(one, "roses")
    with pytest.raises(
        ExplorerError, match="'flowers' is already the name of a different data set; choose another name"
    ):
        added(other)
    registry.remove(first)
    assert added(other).full_name != first.full_name
    assert registry.find("flowers").hash != first.hash


@pytest.mark.parametrize("name", ["Flowers", "digits", ""])
def test_a_name_that_cannot_be_given_is_refused(tmp_path, name):
    with pytest.raises(FieldError, match=r"^name: "):
        added(write_folder(tmp_path / "x", files()), name)


@pytest.mark.parametrize(
    ("text", "size"), [("32", (32, 32)), ("20x30", (20, 30)), (" 20×30 ", (20, 30)), ("2", (2, 2))]
)
def test_a_size_is_one_number_or_two(text, size):
    assert adding.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "1", "257", "20x", "x", "-3", "3.5", "20x30x3", "9" * 99])
def test_another_size_is_refused(text):
    with pytest.raises(FieldError) as caught:
        adding.parse_size(text)
    assert caught.value.allowed == "a number of pixels from 2 to 256, or height and width such as 20x30"


def test_a_path_below_the_data_folder_is_found_and_no_other(tmp_path, cache):
    write_folder(cache / "pictures", files({"iris": 5, "rose": 5}))
    assert adding.below_data_folder(" pictures ") == (cache / "pictures").resolve()
    (cache / "out").symlink_to(tmp_path)
    for text in ("", ".", "..", "../data", "/etc/passwd", "none", "out", "a\0b", "pictures/../.."):
        with pytest.raises(FieldError, match=r"^path: "):
            adding.below_data_folder(text)


def test_a_picture_becomes_what_evaluate_makes_of_it(tmp_path):
    from explorer.evaluation.images import read_upload

    path = write_folder(tmp_path / "pictures", files())
    spec = added(path, size=(20, 30)).spec
    dataset = datasets.load("flowers")
    uploads = {read_upload(content, "x", spec).image.tobytes() for _, content in files()}
    assert {image.tobytes() for image in dataset.images} == uploads
