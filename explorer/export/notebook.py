"""A run as a Jupyter notebook: the Keras script in cells, the run's curves and findings, and a cell to go on with."""

import base64
import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from explorer.config import TrainingConfig
from explorer.diagnosis.finding import since
from explorer.diagnosis.lessons import lesson_of
from explorer.export.curve_charts import curve_charts
from explorer.export.keras_code import loss, optimizer, sections
from explorer.export.keras_script import INSTALL, headline, introduction
from explorer.export.run_findings import findings_of
from explorer.runs.history import EpochRecord, best_epoch
from explorer.runs.run import Run

if TYPE_CHECKING:
    import nbformat

WIDTH, HEIGHT, SCALE = 420, 260, 1.5


def notebook(run: Run) -> bytes:
    """The notebook of a run as JSON; the same run gives the same notebook. Raises `RunError`."""
    import nbformat  # a page that exports nothing does not need it

    config, records = run.config, run.history()
    made = nbformat.v4.new_notebook(cells=list(_cells(run, config, records)))
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"  # instead of a random one
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return nbformat.writes(made).encode()


def _cells(run: Run, config: TrainingConfig, records: Sequence[EpochRecord]) -> "Iterator[nbformat.NotebookNode]":
    from nbformat.v4 import new_code_cell as code
    from nbformat.v4 import new_markdown_cell as text

    summary = introduction(config, run.name, best_epoch(records))
    yield text(f"# {headline(config)}\n\n{summary}\n\nNeeds `{INSTALL}`; Colab has all of it.")
    for section in sections(config):
        if section.title:
            yield text(f"## {section.title}\n\n{section.explanation}".strip())
        yield code(section.code)
    if records:
        yield text(f"## The curves of the run\n\n{_curves(run)}")
    yield text(_findings(run))
    yield text(_GO_ON)
    yield code(_experiment(config))


def _curves(run: Run) -> str:
    """Loss and accuracy as pictures within the text, as they are on the run's page."""
    import vl_convert

    pictures = []
    for metric, chart in curve_charts(run):
        png = vl_convert.vegalite_to_png(chart.properties(width=WIDTH, height=HEIGHT).to_dict(), scale=SCALE)
        pictures.append(f"![{metric} by epoch](data:image/png;base64,{base64.b64encode(png).decode()})")
    return "\n".join(pictures)


def _findings(run: Run) -> str:
    """Each finding with its evidence, its cause and its lesson, as Markdown."""
    parts = ["## What the explorer found"]
    findings = findings_of(run)
    if not findings:
        parts.append("No problems.")
    for finding in findings:
        lesson = lesson_of(finding)
        parts += [
            f"### {lesson.title}",
            f"*{finding.severity}, {since(finding.since)}.* {html.escape(finding.evidence)} {html.escape(finding.why)}",
            lesson.text.strip(),
            f"Source: [{lesson.source}]({lesson.link})",
        ]
    return "\n\n".join(parts)


_GO_ON = """## Continue from here

The same network from the same initial weights, with other learning rates, for a few epochs each. What else would you
change? Width and depth, activation and initializer are in the cells above."""
_EXPERIMENT = """
for factor in (0.3, 1, 3):
    again = keras.models.clone_model(model)  # new layers, the same initial weights
    again.compile(
        loss={loss},
        optimizer={optimizer},
        metrics=["accuracy"],
    )
    log = again.fit(
        batches(),
        steps_per_epoch=STEPS,
        epochs=min(3, EPOCHS),
        validation_data=(x_val, y_val),
        validation_batch_size=500,
        verbose=0,
    )
    losses = " ".join(f"{loss:.4f}" for loss in log.history["val_loss"])
    print(f"learning rate {factor * LEARNING_RATE:g}: validation loss {losses}")"""


def _experiment(config: TrainingConfig) -> str:
    code = _EXPERIMENT.strip().replace("{optimizer}", optimizer(config, "factor * LEARNING_RATE"))
    return code.replace("{loss}", loss(config))
