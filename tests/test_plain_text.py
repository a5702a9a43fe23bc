"""Numbers in text, alone and with their nouns."""

import re
from pathlib import Path

import pytest

import explorer
from explorer.plain_text import count, decimal, exact, times


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2_000, ("image",), "2,000 images"),
        (1, ("fix", "fixes"), "1 fix"),
        (2, ("run was", "runs were"), "2 runs were"),
    ],
)
def test_a_number_is_written_with_its_noun(number, nouns, text):
    assert count(number, *nouns) == text


def test_a_number_of_times_is_written_as_it_is_said():
    assert [*map(times, (1, 2, 3, 1_000))] == ["once", "twice", "3 times", "1,000 times"]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (5e-05, 6, "0.00005"),
        (3.16228e-05, 3, "0.0000316"),
        (1e-06, 6, "0.000001"),
        (1e-07, 6, "1e-07"),
        (-5e-05, 6, "-0.00005"),
        (0.0, 6, "0"),
        (0.1 + 0.2, 6, "0.3"),
        (2048, 6, "2,048"),
    ],
)
def test_a_small_number_has_no_exponent(value, digits, text):
    assert decimal(value, digits) == text


@pytest.mark.parametrize("value", [5e-05, 0.0012345678901, 1e-07, 1 / 3, 0.0, 0.1, 1.0, 10.0, 100, 2048, 1200, 65536])
def test_a_number_in_a_box_keeps_all_of_its_digits(value):
    assert float(exact(value)) == value
    assert exact(value) == f"{value:g}" or len(exact(value)) > 6


def test_no_rate_is_written_with_an_exponent_on_one_page_and_without_on_another():
    rate = re.compile(r"{[^{}]*(rate|clip_norm|l2|mark|weight_decay)[^{}]*:,?(\.\d)?g}")
    sources = [path for path in Path(explorer.__file__).parent.rglob("*.py") if path.parent.name != "benchmarks"]
    found = [line for path in sources for line in path.read_text(encoding="utf-8").split("\n") if rate.search(line)]
    # a dropout rate is never so small, and a number that is rounded is no text
    assert [line for line in found if "dropout_rate" not in line and 'float(f"' not in line] == []
