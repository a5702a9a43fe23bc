"""Foreign text on the pages: what Streamlit draws as Markdown is ours or goes through `explorer.views.text`."""

from pathlib import Path

from drawn_words import Page

from explorer.views import text

VIEWS = Path(text.__file__).parent

# Everything else that is drawn, with the reason why no foreign text can be in it.
OURS: dict[str, set[str]] = {
    "a setting, which its field has checked: a number or one of its choices": {
        "config.activation",
        "config.depth",
        "config.seed",
        "config.width",
        "getattr(config, name)",
        "field.title(value)",
        "summary.config.epochs",
        "summary.config.seed",
        "spec.pruner",
        "spec.sampler",
        "spec.seeds",
        "change_words(case.config, case.mended_config)",
        "change_words(config, changed)",
        "new_words(config, changed)",
        "twins.change_words(before.config, changed.config)",
        "twins.change_words(config, changed)",
        "twins.start_words(before.config, changed.config)",
        "twins.start_words(config, changed)",
        "row.label",
    },
    "a word of a table of ours: fields, data sets, presets, lessons, cases, signals": {
        "field.allowed",
        "field.help",
        "field.label",
        "spec.title",
        "spec.classes",
        "spec.image_shape",
        "before: titles",
        "preset.description",
        "preset.name",
        "preset.title",
        "compare: name",
        "compare_actions: words",
        "lesson.link",
        "lesson.source",
        "lesson.text",
        "lesson.title",
        "case.answers",
        "case.mended",
        "case.question",
        "case.reveal",
        "case.title",
        "view.words",
        "finding.severity",
    },
    "a state, which is one of a few": {
        "summary.state",
        "status.status",
        "trial_word(TRIAL_RUNNING, status.status)",
        "shown.split",
        "run: color",
        "run: icon",
        "sweep_watch: color",
        "sweep_watch: icon",
        "str.capitalize",
        "{EPOCH: 'epochs', MINUTES: 'time'}.get",
    },
    "a number of ours": {
        "errors_in_words(row.mean, row.spread, row.runs, images)",
        "min(len(positions), evaluate_state.gallery_shown())",
        "queue_position(state.store().list(), summary.name)",
        "row.group",
        "row.left_out",
        "gallery: right",
        "gallery: wrong",
        "evaluate_samples: samples",
        "evaluate_samples: now",
        "evaluate_samples: before",
    },
    "escaped where it is made": {
        "cards(shown.dataset, shown.split, mean, positions, notes)",
        "waiting.words",
        "evaluate_shared: words",
        "controls: problem",
        "cards(shown.dataset, shown.split, shown.evaluation, positions[:count])",
        "cards(shown.dataset, shown.split, wrong, positions)",
        "comparison.sentence(foreign(shown.model.name), foreign(name))",
        "pd.DataFrame(rows, index=[foreign(words) for words, _ in histories])",
    },
    "a picture within the page": {
        "as_uri(filter_sheet(filters, min(COLUMNS, len(filters))))",
        "as_uri(upload.original)",
        "png_uri(upload.image, shown.dataset.spec.max_value)",
    },
}


def test_every_word_that_is_drawn_is_ours_or_escaped():
    known = set().union(*OURS.values())
    pages = [Page(path, known) for path in sorted(VIEWS.glob("*.py"))]
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

def _title(run):
    return "untitled" if run is None else run.title
"""
    )
    assert [words for _, words in Page(path, ()).foreign()] == ["run.name", "run.title", "error", "run.note"]
