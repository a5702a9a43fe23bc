"""Tables that a person adds: numbers, categories, the column with the class labels, and all that a table can lack."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from own_data import added, refused

from explorer.data import datasets
from explorer.data.own import registry, report_text, tables
from explorer.data.own.arrays import write_npz
from explorer.data.own.description import from_json
from explorer.errors import quoted

ROWS = [f"{place % 7}.5,{'red' if place % 2 else 'blue'},{'cat' if place % 3 else 'dog'}" for place in range(30)]


def written(tmp_path, rows, name: str = "pets.csv", header: str = "size,colour,class"):
    path = tmp_path / name
    content = "\n".join([header, *rows]) + "\n"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_numbers_stay_and_categories_become_one_hot(tmp_path):
    description = added(written(tmp_path, ROWS), "pets")
    spec = description.spec
    assert report_text.headline(description) == "30 rows in 2 classes, 3 features"
    assert (spec.image_shape, spec.class_names, spec.max_value, spec.noun) == ((3,), ("cat", "dog"), 7, "rows")
    assert report_text.remarks(description.report) == ["Columns: size: numbers, colour: 2 categories."]
    dataset = datasets.load("pets")
    expected = sorted((place % 7 + 0.5, 1 - place % 2, place % 2, place % 3 == 0) for place in range(30))
    assert dataset.images.dtype == np.float32
    assert sorted((*row.tolist(), label) for row, label in zip(dataset.images, dataset.labels, strict=True)) == expected
    _, labels = dataset.split("validation")
    assert np.bincount(labels).tolist() == [4, 2]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_may_be_divided_by_any_usual_mark_and_quoted(tmp_path, delimiter):
    rows = [row.replace(",", delimiter) for row in ROWS]
    rows[0] = rows[0].replace("blue", '"blue"')
    header = "size,colour,class".replace(",", delimiter)
    first = added(written(tmp_path, [*rows, "", ""], header=f"\ufeff{header}"))
    assert first.full_name == added(written(tmp_path, ROWS, "other.csv")).full_name


def test_a_decimal_comma_is_read_where_semicolons_separate_the_columns(tmp_path):
    rows = [("size", "price", "class"), *((f"{n},5", f"-0,{n}e1", "ab"[n % 2]) for n in range(1, 13))]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(";".join(row) for row in rows))
    description = added(path)
    assert description.report.columns == ("size: numbers", "price: numbers")
    dataset = datasets.load("flowers")
    assert sorted(dataset.images[:, 0].tolist()) == [n + 0.5 for n in range(1, 13)]
    assert dataset.images[:, 1].min() == pytest.approx(-9)


@pytest.mark.parametrize(
    ("delimiter", "cell"),
    [
        ("\t", "1,5"),
        ("\t", "1,5e3"),
        (",", '"1,5"'),
        (";", "1.234,5"),
        (";", "12\u00a0345,5"),
        ("\t", "1 234 567"),
        ("\t", "1\u202f234"),
        (",", '"1,234,567.5"'),
        (",", '"12,34,567"'),
        (",", "1'234.5"),
        (",", "−1.5"),
        (";", "1,5%"),
        (",", "15 %"),
    ],
)
def test_numbers_in_another_way_of_writing_are_refused_and_not_taken_for_categories(tmp_path, delimiter, cell):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(delimiter.join(row) for row in [("size", "class"), *[(cell, "a"), (cell, "b")] * 6]))
    value = cell.strip('"')
    assert refused(path).startswith(f"data: 'x.csv', row 1, column 'size': {quoted(value)} is not read as a number")


@pytest.mark.parametrize("cells", [("1,234", "2,345"), ("1.234", "950,5"), ("1,5", "2.5")])
def test_a_comma_that_could_mean_two_things_is_refused(tmp_path, cells):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["size;class", *[f"{cells[0]};a", f"{cells[1]};b"] * 6]))
    assert "could be a decimal comma or a thousands separator; write numbers with a decimal point" in refused(path)


def test_thousandths_after_a_zero_are_no_thousands(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["size;class", *["0,125;a", "1,250;b"] * 6]))
    added(path)
    assert set(datasets.load("flowers").images.ravel().tolist()) == {0.125, 1.25}


def test_codes_with_dots_are_categories(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["version,class", *["1.2.3,a", "1.10.1,b"] * 6]))
    assert added(path).report.columns == ("version: 2 categories",)


def test_the_column_of_the_classes_is_named(tmp_path):
    path = written(tmp_path, ROWS, header="size,colour,animal")
    assert (
        refused(path)
        == "label: '' is not allowed; it must be the column with the class labels, one of size, colour, animal"
    )
    assert (
        refused(path, label="kind")
        == "label: 'kind' is not allowed; it must be one of the columns size, colour, animal"
    )
    assert added(path, label="colour").class_names == ("blue", "red")


def test_missing_values_are_named_by_row_and_column(tmp_path):
    rows = [*ROWS[:3], "NA,red,dog", *ROWS[3:10], "1.5,,cat", "1.5,red,?", "nan,red,cat"]
    assert refused(written(tmp_path, rows)) == (
        "data: 'pets.csv' has missing values: row 4 column 'size', row 12 column 'colour', row 13 column 'class' and 1 "
        "more; fill them in, or remove these rows or columns"
    )


WRONG = {
    "no header": ({"header": "1,2,3"}, " has no header; its first row must name the columns"),
    "two columns of a name": ({"header": "size,size,class"}, " has two columns with the same name"),
    "a column without a name": ({"header": "size,,class"}, " has a column without a name"),
    "a short row": ({"rows": [*ROWS, "1.5,red"]}, ", row 31, has 2 cells, but the header has 3"),
    "no rows": ({"rows": []}, " has no rows"),
    "one class": ({"rows": [row.replace("dog", "cat") for row in ROWS]}, " has 1 class; a data set must have 2 to 256"),
    "too few rows of a class": ({"rows": [*ROWS, "1.5,red,cow"]}, " has 1 row of the class 'cow'; a class must have"),
    "a text among numbers": (
        {"rows": [*ROWS, "large,red,cat"]},
        ", row 31, column 'size': 'large' is not a number, unlike most values in this column",
    ),
    "infinity": ({"rows": [*ROWS, "inf,red,cat"]}, ", row 31, column 'size': inf is beyond ±1,000,000,000"),
    "an open quote": ({"rows": [*ROWS, '1.5,"red,cat']}, " is not a table: unexpected end of data"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_table_is_refused(tmp_path, kind):
    how, sentence = WRONG[kind]
    assert refused(written(tmp_path, **{"rows": ROWS} | how)).startswith(f"data: 'pets.csv'{sentence}")


def test_what_is_no_text_or_only_names_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,class\n\xff\xfe,1\n")
    assert refused(path) == "data: 'x.csv' is not a table: it is not UTF-8 text"
    names = written(tmp_path, [f"person {place},{place % 2}" for place in range(200)], "y.csv", "name,class")
    assert "column 'name', has 200 different values; a column of categories has at most 100" in refused(names)
    alone = written(tmp_path, ["1", "0"] * 9, "z.csv", "class")
    assert refused(alone) == "data: 'z.csv' has no column other than 'class'"


def test_larger_tables_than_allowed_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path, ROWS)
    for limit, sentence in (
        ("MOST_TABLE", "has more than 0 MiB, the most for a table"),
        ("MOST_CELLS", "has more than 10 cells, the most that are allowed"),
    ):
        monkeypatch.setattr(tables, limit, 10)
        assert refused(path) == f"data: 'pets.csv' {sentence}"
        monkeypatch.setattr(tables, limit, 10**9)
    monkeypatch.setattr(tables, "MOST_FEATURES", 2)
    assert "has 3 features, categories included; at most 2 are allowed" in refused(path)


def test_options_of_pictures_are_refused_for_a_table_and_those_of_a_table_for_pictures(tmp_path):
    path = written(tmp_path, ROWS)
    assert refused(path, size=(8, 8)) == "size: '8x8' is not allowed; it must be left out for a table"
    assert refused(path, grey=True) == "grey: 'true' is not allowed; it must be left out for a table"
    (tmp_path / "pictures").mkdir()
    assert "it must be left out for images" in refused(tmp_path / "pictures", label="class")


# --- The names of features --------------------------------------------------------------------------------

NAMES = ("size", "colour=blue", "colour=red")


def test_the_names_of_columns_are_stored_and_a_category_is_named_by_its_column(tmp_path):
    description = added(written(tmp_path, ROWS), "pets")
    assert description.feature_names == NAMES
    assert from_json(description.to_json()).spec.layout.feature_names == NAMES
    assert datasets.load("pets").spec.layout.feature_names == NAMES


def test_a_saved_table_keeps_the_names_of_its_columns(tmp_path):
    first = added(written(tmp_path, ROWS), "pets")
    with (tmp_path / "saved.npz").open("wb") as stream:
        write_npz(datasets.load("pets"), stream)
    registry.remove(first)
    again = added(tmp_path / "saved.npz", "pets")
    assert again.full_name == first.full_name and again.feature_names == NAMES


@pytest.mark.parametrize("names", [["a", "b"], [1, 2, 3], [["a", "b", "c"]]])
def test_names_of_features_that_do_not_fit_are_refused(tmp_path, names):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=np.eye(3).repeat(5, 0), y_train=np.arange(15) % 3, feature_names=names)
    assert refused(path) == "data: 'x.npz': feature_names must be 3 strings, one for each feature of a row"


def test_a_table_that_was_stored_without_names_is_read_and_gets_them_when_it_is_added_again(tmp_path, cache):
    path = written(tmp_path, ROWS)
    description = added(path, "pets")
    stored = cache / "own" / f"{description.full_name}.json"
    values = json.loads(stored.read_bytes())
    del values["feature_names"]
    stored.write_text(json.dumps(values))
    old = from_json(stored.read_bytes())
    assert old.full_name == description.full_name and old.spec.layout.feature_names == ()
    registry.write(old)
    assert datasets.spec_of("pets").layout.feature_names == ()
    in_another_process = (
        "from own_data import added; from pathlib import Path; import sys; added(Path(sys.argv[1]), 'pets')"
    )
    subprocess.run([sys.executable, "-c", in_another_process, path], check=True, timeout=600, env=environment())
    assert datasets.spec_of("pets").layout.feature_names == NAMES


def environment() -> dict[str, str]:
    """That of a process which imports what the tests share."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[2] / "support")])}


def test_names_that_do_not_fit_the_rows_are_no_description(tmp_path):
    description = added(written(tmp_path, ROWS), "pets")
    for names in (NAMES[:2], ("", "a", "b"), ("a" * 49, "b", "c")):
        content = json.dumps(json.loads(description.to_json()) | {"feature_names": names})
        with pytest.raises(ValueError, match=r"feature_names|names of features"):
            from_json(content.encode())


def test_a_name_is_one_short_line_that_is_what_it_looks_like(tmp_path):
    header = f'"a\nb\u202e\x1b",{"n" * 400},class'
    path = tmp_path / "x.csv"
    path.write_text("\n".join([header, *(f"{place},{place * 2},{place % 2}" for place in range(12))]))
    first, second = added(path).feature_names
    assert first == "a b\\u202e\\x1b" and len(second) == 48


def test_the_longest_names_of_the_most_features_fit_in_a_description(tmp_path):
    header = ",".join([*(f"{'猫' * 60}{place}" for place in range(4096)), "class"])
    rows = "\n".join(",".join([*["1"] * 4096, str(place % 2)]) for place in range(10))
    path = tmp_path / "wide.csv"
    path.write_text(f"{header}\n{rows}\n")
    description = added(path)
    assert len(description.feature_names) == 4096 and registry.names() == [description.full_name]
