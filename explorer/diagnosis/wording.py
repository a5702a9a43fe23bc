"""The sentences about images, in the words of a data set of points or rows."""

import re
from dataclasses import replace

from explorer.diagnosis.finding import IMAGE, Finding


def of_noun(text: str, one: str) -> str:
    """A text about images and their pixels, in which an image is called `one`: a point, or a row of a table."""
    if one == IMAGE:
        return text
    terms = {"an image": f"a {one}", "image": one, "images": f"{one}s", "pixel": "input", "pixels": "inputs"}

    def term(match: re.Match) -> str:
        word = terms[match[0].lower()]
        return word.capitalize() if match[0][0].isupper() else word

    return re.sub(rf"\b({'|'.join(terms)})\b", term, text, flags=re.IGNORECASE)


def worded(finding: Finding, one: str) -> Finding:
    """A finding in the words of a data set whose image is called `one`."""
    fixes = [replace(fix, reason=of_noun(fix.reason, one)) for fix in finding.fixes]
    return replace(
        finding, evidence=of_noun(finding.evidence, one), why=of_noun(finding.why, one), fixes=fixes, one=one
    )
