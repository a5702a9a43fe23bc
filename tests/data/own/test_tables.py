"""Tables that a person adds: numbers, categories, the column with the class labels, and all that a table can lack."""

import numpy as np
import pytest
from own_data import added, refused

from explorer.data import datasets
from explorer.data.own import tables, words

ROWS = [f"{place % 7}.5,{'red' if place % 2 else 'blue'},{'cat' if place % 3 else 'dog'}" for place in range(30)]


def written(tmp_path, rows, name: str = "pets.csv", header: str = "size,colour,class"):
    path = tmp_path / name
    content = "\n".join([header, *rows]) + "\n"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_numbers_stay_and_categories_become_one_hot(tmp_path):
    description = added(written(tmp_path, ROWS), "pets")
    spec = description.spec
    assert words.headline(description) == "30 rows in 2 classes, 3 features"
    assert (spec.image_shape, spec.class_names, spec.max_value, spec.noun) == ((3,), ("cat", "dog"), 7, "rows")
    assert words.remarks(description.report) == ["Columns: size: numbers, colour: 2 categories."]
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
    "two columns of a name": ({"header": "size,size,class"}, " has two columns of one name"),
    "a column without a name": ({"header": "size,,class"}, " has a column without a name"),
    "a short row": ({"rows": [*ROWS, "1.5,red"]}, ", row 31, has 2 cells, but the header has 3"),
    "no rows": ({"rows": []}, " has no rows"),
    "one class": ({"rows": [row.replace("dog", "cat") for row in ROWS]}, " has 1 class; a data set must have 2 to 256"),
    "too few rows of a class": ({"rows": [*ROWS, "1.5,red,cow"]}, " has 1 row of the class 'cow'; a class must have"),
    "a text among numbers": (
        {"rows": [*ROWS, "large,red,cat"]},
        ", row 31, column 'size': 'large' is not a number, as most there are",
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
    assert "column 'name', has 200 different texts; a column of categories has at most 100" in refused(names)
    alone = written(tmp_path, ["1", "0"] * 9, "z.csv", "class")
    assert refused(alone) == "data: 'z.csv' has no column beside 'class'"


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
    assert "it must be left out for a table" in refused(path, size=(8, 8))
    assert "it must be left out for a table" in refused(path, grey=True)
    (tmp_path / "pictures").mkdir()
    assert "it must be left out for images" in refused(tmp_path / "pictures", label="class")
