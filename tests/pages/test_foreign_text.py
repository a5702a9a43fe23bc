"""Foreign text on the pages: all Markdown is the project's own or escaped by `explorer.pages.text`."""

import json
import os
import shutil
from pathlib import Path

import pytest
from drawn import page_alone, texts
from drawn_words import Page

from explorer.config import TrainingConfig
from explorer.pages import resources, text
from explorer.pages.text import LONGEST, LONGEST_SENTENCE, WORD_JOINER, cell, file_name, foreign, lines, plain, sentence
from explorer.runs.history import EpochRecord
from explorer.runs.status import COMPLETED
from explorer.runs.store import RunStore

pytestmark = pytest.mark.usefixtures("processes")

PAGES = Path(text.__file__).parent

# Everything else that is drawn, with the reason why no foreign text can be in it.
OURS: dict[str, set[str]] = {
    "a setting, which its field has checked: a number or one of its choices": {
        "config.activation",
        "config.depth",
        "config.seed",
        "getattr(config, name)",
        "summary.config.epochs",
        "spec.pruner",
        "spec.seeds",
        "describe_changes(config, changed)",
        "describe_new_values(config, changed)",
        "twin.describe_changes(before.config, changed.config)",
        "twin.describe_changes(config, changed)",
        "twin.describe_common_start(before.config, changed.config)",
        "twin.describe_common_start(config, changed)",
        "row.label",
        "twin.describe_new_values(shown_config, few)",
        "settings.tried_fields(config)",
    },
    "a word of a table of ours: fields, data sets, presets, lessons, cases, signals": {
        "field.allowed",
        "field.help",
        "field.label",
        "spec.title",
        "spec.caution",
        "caution",
        "spec.noun",
        "description.spec.noun",
        "noun(table)",
        "run_table.noun(pair)",
        "evaluated.dataset.spec.noun",
        "spec.one",
        "evaluated.dataset.spec.one",
        "spec.source",
        "{name: draw for name, draw in TABS.items() if draw is not own_image.draw or evaluated.dataset.spec.pictures}",
        "here.title",
        "spec.classes",
        "spec.image_shape",
        "train/before_training: titles",
        "preset.description",
        "preset.name",
        "preset.title",
        "compare/page: name",
        "compare/files: title",
        "kind.help",
        "kind.title",
        "lesson.link",
        "lesson.source",
        "lesson.text",
        "lesson.title",
        "case.answers",
        "case.fixed",
        "case.question",
        "case.reveal",
        "case.title",
        "choice.text",
        "chosen.why",
        "questions.choices[0].why",
        "questions.second",
        "QUESTIONS[case.name].wrong[previous]",
        "view.explanation",
        "finding.severity",
        "since(finding.since)",
        "settings.slider_key(name)",
        "evaluation.confidence_verdict",
    },
    "a state, which is one of a few": {
        "summary.state",
        "status.status",
        "trial_word(TRIAL_RUNNING, status.status)",
        "evaluated.split",
        "run/page: color",
        "run/page: icon",
        "sweep/watch: color",
        "sweep/watch: icon",
        "str.capitalize",
    },
    "a number of ours": {
        "errors_in_words(row.mean, row.spread, row.runs, images, noun)",
        "min(len(positions), state.gallery_shown())",
        "queue_note()",
        "latest_runs.accuracy(summary)",
        "accuracy(best.val_accuracy)",
        "accuracy(last.val_accuracy)",
        "waiting_text(summary)",
        "row.group",
        "cost_estimate.validation_words(summary.config)",
        "validation_words(summary.config)",
        "cost_estimate.hidden_layers(config)",
        "min(1.0, units / 512)",
        "run/all_fixes: tried.values()",
        "run/findings: more",
        "gallery/page: correct",
        "gallery/page: answered",
        "evaluate/dropout_samples: samples",
        "evaluate/dropout_samples: now",
        "evaluate/dropout_samples: before",
    },
    "escaped where it is made": {
        "navigation: label",  # of a link, which every page is asked for
        "run/links: more",
        "popovers: label",
        "examples(dataset)",
        "cards(evaluated.dataset, evaluated.split, mean, positions, notes)",
        "waiting.task",
        "evaluate/shared: task",
        "sidebar: problem",
        "cards(evaluated.dataset, evaluated.split, evaluated.evaluation, positions[:visible])",
        "cards(evaluated.dataset, evaluated.split, wrong, positions)",
        "comparison.sentence(run_name(evaluated.model.name), run_name(name), noun)",
        "pd.DataFrame(rows, index=_linked(histories, runs))",
    },
    "a picture within the page": {
        "as_uri(filter_sheet(filters, min(COLUMNS, len(filters))))",
        "as_uri(upload.original)",
        "png_uri(upload.image, spec.max_value)",
    },
}


def test_every_word_that_is_drawn_is_ours_or_escaped():
    known = set().union(*OURS.values())
    pages = [Page(path, known) for path in sorted(PAGES.rglob("*.py"))]
    assert {f"{page.stem}:{line}: {words}" for page in pages for line, words in page.foreign()} == set()
    assert known - set().union(*(page.used for page in pages)) == set(), "exceptions that nothing needs"


def test_a_forgotten_escape_is_found(tmp_path):
    path = tmp_path / "page.py"
    path.write_text(
        """
def draw(run, error, count):
    words = f"Opening {run.name}"
    st.markdown(words)
    st.columns(2)[0].metric(f"{count:,} of {_title(run)}", 1)
    st.error(f"{error}.")
    st.caption(f"{foreign(run.name)}, {count:,}")
    st.button("Train", help=None if count else run.note)
    navigation.link("train", f"{run_name(run.name)}, {run.tag}", run=run.name)
    run_link(run.name, run.more)

def _title(run):
    return "untitled" if run is None else run.title
"""
    )
    assert [words for _, words in Page(path, ()).foreign()] == [
        "run.name",
        "run.title",
        "error",
        "run.note",
        "run.tag",
        "run.more",
    ]


# --- The words themselves ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("cifar10_elu_20x100", "cifar10_elu_20x100"),
        ("two\nlines\tof\u2028words", "two lines of words"),
        ("left\u202eright", "left\\u202eright"),
        ("bell\x07, nothing\x00, half \ud800", "bell\\x07, nothing\\x00, half \\ud800"),
        ("Größe 大きさ 👩‍🔬", "Größe 大きさ 👩‍🔬"),
        ("a" * 300, "a" * 53 + "…" + "a" * 26),
    ],
)
def test_plain_text_is_one_short_line_that_is_what_it_looks_like(given, shown):
    assert plain(given) == shown
    plain(given).encode()


def test_a_text_of_millions_is_shortened_at_once():
    assert len(foreign("![" * 10**7)) <= 4 * LONGEST
    assert len(sentence("'/" * 10**6)) <= 4 * LONGEST_SENTENCE
    assert len(sentence("/a" * 10**6)) <= 4 * LONGEST_SENTENCE


def test_no_sentence_names_a_folder_of_the_server(tmp_path, monkeypatch):
    runs = tmp_path / "the runs"
    monkeypatch.setenv("EXPLORER_RUNS", str(runs))
    for given, shown in {
        f"runs: {str(runs)!r} cannot be read (EACCES)": "runs: the models folder cannot be read (EACCES).",
        f"it must be one of those in {runs}: a, b": "it must be one of those in the models folder: a, b.",
        f"[Errno 28] No space: '{runs}/elu/history.jsonl'": "\\[Errno 28\\] No space: 'elu/history.jsonl'.",
        "No such file: '/home/some one/.cache/cifar10.uint8'": "No such file: '…/cifar10.uint8'.",
        "at /usr/lib/python3.11/json/decoder.py, line 3": "at …/decoder.py, line 3.",
        "true / predicted, 3/4 and https://host/a/b": f"true / predicted, 3/4 and https:{WORD_JOINER}//host/a/b.",
    }.items():
        assert sentence(given) == shown


def test_a_message_of_several_lines_keeps_them_and_what_is_to_be_copied_is_literal():
    given = "Tried:|  - a *mirror* (/home/me/x.uint8): none|Get|http://www.c.d/e|http://![](f)|`g h`|`i` `j`"
    assert lines(given.replace("|", "\n")).split("\n") == [
        *("Tried:", "", "- a \\*mirror\\* (…/x.uint8): none", "", "Get", "", "- `http://www.c.d/e`", ""),
        *(f"http:{WORD_JOINER}//!\\[\\](f)", "", "", "`g h`", "", "", "\\`i\\` \\`j\\`"),
    ]
    assert lines("one") == "one"
    assert len(lines("![\n" * 10**6)) < 4 * LONGEST_SENTENCE


def test_no_cell_is_a_formula_and_no_file_name_leads_elsewhere():
    assert cell("=1+1") == f"{WORD_JOINER}=1+1" and cell("-3") == f"{WORD_JOINER}-3" and cell("a=1") == "a=1"
    assert file_name("../../etc/x y\r\n", "csv") == "etc-x-y.csv" and file_name("..", "csv") == "file.csv"


# --- Pages on hostile names -------------------------------------------------------------------------------

NAMES = ("n" * 300, "n" * 100_000, "a\0b", "/etc", "../..", "~root", "..", "\u202eabc", "%00", " ")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_RUNS", str(tmp_path / "the-secret-place" / "runs"))
    clear()
    yield RunStore()
    clear()


def clear():
    for kept in (resources.store, resources.studies, resources.library):
        kept.clear()


def shown(page: str, **query: str) -> str:
    app = page_alone(page)
    app.query_params.update({"dataset": "digits", **query})
    app.run()
    assert not app.exception, (page, query, app.exception)
    return texts(app)


KEYS = {
    "train": ("run", "depth", "dataset", "activation"),
    "compare": ("run",),
    "sweep": ("study",),
    "evaluate": ("model", "split", "other", "tab"),
    "gallery": ("case",),
}


@pytest.mark.parametrize("page", KEYS)
def test_no_name_in_the_address_brings_a_page_down(store, page):
    fine = trained(store)
    addresses = [dict.fromkeys(KEYS[page], name) for name in NAMES]
    addresses += [{"run": fine.name, "twin": name} for name in NAMES[:3] if page == "train"]
    for asked in addresses:
        words = shown(page, **asked)
        assert "the-secret-place" not in words, words
        assert max(map(len, words.split("\n"))) < 3 * LONGEST_SENTENCE


def trained(store, name=None):
    run = store.create(TrainingConfig(dataset="digits", depth=2, width=20), name)
    for epoch in (1, 2):
        run.append(EpochRecord(epoch, 2.0 / epoch, 0.2, 2.1 / epoch, 0.19, 5e-5, 0.1))
    run.end(COMPLETED, "all is trained")
    return run


def test_an_address_opens_no_folder_outside(store, tmp_path):
    elsewhere = RunStore(tmp_path / "elsewhere")
    outside = trained(elsewhere)
    for name in (str(outside.path), f"../../elsewhere/{outside.name}"):
        words = shown("train", run=name)
        assert "does not exist" in words and "All is trained" not in words
        assert str(tmp_path) not in words


def test_a_run_with_a_name_that_is_no_text_takes_no_page_down(store):
    """A folder's name may be any bytes, and JSON may hold lone surrogates."""
    good, other = trained(store), trained(store)
    strange = Path(os.fsdecode(os.fsencode(good.path) + b"\xff\xfe"))
    shutil.copytree(good.path, strange)
    shutil.copytree(good.path, store.folder / ".bin" / strange.name)
    (other.path / "notes.json").write_text(
        json.dumps({"name": "\ud800", "tags": ["\udfff", "=1"], "note": "\ud83d\n\0"})
    )
    for page in ("train", "compare", "sweep", "evaluate", "gallery"):
        shown(page)
    app = page_alone("compare")
    app.session_state["compared"] = [other.name, strange.name]
    app.run()
    assert not app.exception
