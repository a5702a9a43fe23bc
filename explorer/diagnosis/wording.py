"""The sentences about images, in the words of a data set of points or rows."""

import re
from dataclasses import replace

from explorer.diagnosis.finding import IMAGES, Finding
from explorer.plain_text import singular


def of_noun(text: str, noun: str) -> str:
    """A text about images and their pixels, in which images are called by `noun`: points, or rows of a table."""
    if noun == IMAGES:
        return text
    one = singular(noun)
    words = {"an image": f"a {one}", "image": one, "images": noun, "pixel": "input", "pixels": "inputs"}

    def said(found: re.Match) -> str:
        word = words[found[0].lower()]
        return word.capitalize() if found[0][0].isupper() else word

    return re.sub(rf"\b({'|'.join(words)})\b", said, text, flags=re.IGNORECASE)


def worded(finding: Finding, noun: str) -> Finding:
    """A finding in the words of a data set whose images are called `noun`."""
    return replace(finding, evidence=of_noun(finding.evidence, noun), why=of_noun(finding.why, noun), noun=noun)
