"""Parts of an HTML report that are alike for one run and for several: texts are escaped, lessons become HTML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from explorer.config import FIELDS, TrainingConfig
from explorer.diagnosis import Finding
from explorer.diagnosis.finding import since
from explorer.diagnosis.lessons import lesson_of
from explorer.machine import versions

STYLE = """
h1 { line-height: 1.15; margin-bottom: .3rem } h2 { margin-top: 2.2rem }
.settings { columns: 18rem; padding: 0; list-style: none } .settings li { break-inside: avoid }
.finding { border-left: 4px solid #8a8f98; padding: .1rem .9rem; margin: 1rem 0 }
.problem { border-color: #d64545 } .warning { border-color: #e08a24 } .note { border-color: #3b82c4 }
.wide { overflow-x: auto } .wide th:first-child { min-width: 9rem } td, th { vertical-align: top }
@media (max-width: 500px) { body { margin: 1rem auto } .numbers b { font-size: 1.2rem } }
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts, which scrolls by itself where it is wider than the page."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def numbers(values: Mapping[str, str]) -> str:
    """Plain texts in large type, by their labels."""
    cells = "".join(f"<div>{escape(label)}<b>{escape(value)}</b></div>" for label, value in values.items())
    return f'<div class="numbers">{cells}</div>'


def settings(config: TrainingConfig) -> str:
    """The settings that have an effect, as a list."""
    items = []
    for name, field in FIELDS.items():
        value = getattr(config, name)
        if field.matters(vars(config)):
            text = field.title(value) if isinstance(value, str) else f"{value:,.6g}"
            items.append(f"<li>{escape(field.label)}: <b>{escape(text)}</b></li>")
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f'<ul class="settings">{"".join(items)}</ul><p><small>Report made with {escape(used)}.</small></p>'


def findings(items: Sequence[Finding], lessons: bool = True) -> str:
    """Findings with their evidence and cause, and their lessons to unfold."""
    if not items:
        return "<p>No problems.</p>"
    return "".join(_finding(item, lessons) for item in items)


def _finding(finding: Finding, lessons: bool) -> str:
    lesson = lesson_of(finding)
    learn = ""
    if lessons:
        source = f"<p><small>Source: {escape(lesson.source)}, {escape(lesson.link)}</small></p>"
        learn = f"<details><summary>Learn more</summary>{_paragraphs(lesson.text)}{source}</details>"
    return (
        f'<div class="finding {finding.severity}"><p><b>{escape(lesson.title)}</b> '
        f"<small>{finding.severity}, {since(finding.since)}</small></p>"
        f"<p>{escape(finding.evidence)} {escape(finding.why)}</p>{learn}</div>"
    )


def _paragraphs(markdown: str) -> str:
    """The paragraphs of a lesson, whose only marks are bold, italics and code."""
    text = escape(markdown.strip())
    for pattern, tag in ((r"\*\*(.+?)\*\*", "b"), (r"\*(.+?)\*", "i"), (r"`(.+?)`", "code")):
        text = re.sub(pattern, rf"<{tag}>\1</{tag}>", text, flags=re.DOTALL)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))
