"""Numbers in text, with their nouns."""

import pytest

from explorer.plain_text import count, times


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
