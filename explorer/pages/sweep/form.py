"""The form that creates a study: search space, conditions and budget."""

import os
import shlex
from typing import Any

import streamlit as st

from explorer.activations import ACTIVATIONS
from explorer.config import FIELDS, Field, TrainingConfig
from explorer.data import datasets
from explorer.errors import ExplorerError, FieldError
from explorer.pages import download, ignored, layout, messages, resources, selection, settings, sidebar
from explorer.pages.clicks import uninterrupted
from explorer.pages.text import sentence
from explorer.plain_text import exact
from explorer.runs import cost_estimate
from explorer.runs.metrics import OBJECTIVES
from explorer.runs.progress import duration
from explorer.sweeps.launch import launch, scheduler_address
from explorer.sweeps.study import ACTIVE
from explorer.sweeps.study_spec import GRID, PRUNERS, RANDOM, SAMPLERS, TPE, StudySpec, to_toml
from explorer.workers.cluster import workers_for_sweeps

STARTS_WITH = ["activation", "learning_rate"]
# the initial range of a number: from the sidebar's value divided by this factor to the value times it
AROUND = 10.0
SELF_NORMALIZING = [name for name, activation in ACTIVATIONS.items() if activation.self_normalizing]
SELU_WITH_LECUN = {
    "when": {"activation": SELF_NORMALIZING},
    "then": {"kernel_initializer": ["lecun_normal", "lecun_uniform"]},
}
_STARTED = "started_study"
TITLES = {GRID: "Grid", RANDOM: "Random", TPE: "TPE"}


def draw() -> None:
    """Draws the form; settings that do not vary are taken from the sidebar."""
    config = sidebar.sidebar()
    with layout.place():
        ignored.draw(config)
        download.offer(*[config.dataset] if config else [])
    if config is None:
        st.error("One of the settings in the sidebar is invalid; it is marked there.")
        return
    st.caption(
        "A study trains many runs to find the best settings. Settings you do not vary here are taken from the sidebar."
    )
    left, right = st.columns([3, 2], gap="large")
    with right:
        budget = _budget()
    with left:
        space, conditions = _space(config, budget["sampler"] == GRID)
    _start(config, space, conditions, budget)
    settings.share(config)


def _space(config: TrainingConfig, grid: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    st.header("Search space", anchor=False)
    names = st.multiselect(
        "Settings to vary",
        list(FIELDS),
        STARTS_WITH,
        format_func=lambda name: FIELDS[name].label,
        key="vary",
        help="Settings you do not select keep their value from the sidebar.",
    )
    space = {}
    for name in names:
        field = FIELDS[name]
        with st.container(border=True):
            space[name] = _choices(field) if field.choices else _range(field, getattr(config, name), grid)
    with st.expander("Conditions: values allowed only together"):
        conditions = _conditions(names, not {*SELF_NORMALIZING}.isdisjoint(space.get("activation", ())))
    return space, conditions


def _choices(field: Field) -> list[str]:
    return st.multiselect(
        field.label,
        list(field.choices),
        field.choices[:3],
        format_func=field.title,
        key=f"vary_{field.name}",
        help=field.help,
    )


def _range(field: Field, value: float, grid: bool) -> Any:
    """A range as low, high and scale, or the single values that were entered."""
    whole = isinstance(field.default, int)
    low, high = max(field.minimum, value / AROUND), min(field.maximum, value * AROUND)
    if whole:
        low, high = max(field.minimum, round(value / 4)), min(field.maximum, max(value, 1) * 2)
    if not low < high:  # a range around 0 is empty
        low, high = field.minimum, field.maximum
    name, key = field.label, f"vary_{field.name}"
    st.markdown(name, help=field.help)
    columns = st.columns(4 if grid else 3, vertical_alignment="bottom")
    typed = columns[0].text_input("from", f"{low:.12g}", key=f"{key}_low")
    above = columns[1].text_input("to", f"{high:.12g}", key=f"{key}_high")
    only = columns[2].text_input(
        "or only these values", "", key=f"{key}_only", placeholder="1, 2, 5", help="Single values, separated by commas."
    )
    log = st.toggle("log scale", field.logarithmic, key=f"{key}_log")
    if only.strip():
        return [_number(field, part) for part in only.split(",")]
    limits = {"low": _number(field, typed), "high": _number(field, above), "log": log}
    if grid:
        limits["points"] = int(columns[3].number_input("points", 2, 100, 3, key=f"{key}_points"))
    return limits


def _number(field: Field, text: str) -> Any:
    """The number in a text; other text is returned as it is, and rejected by the study with a reason."""
    try:
        return field.parse(text.strip())
    except FieldError:
        return text


def _conditions(names: list[str], selu: bool) -> list[dict[str, Any]]:
    conditions = []
    if selu and st.checkbox(
        "SELU only with LeCun initializers",
        True,
        key="selu_with_lecun",
        help="SELU is self-normalizing only with LeCun initial weights; with others it is a different experiment.",
    ):
        conditions.append(SELU_WITH_LECUN)
    if not names:
        return conditions
    for number in range(int(st.number_input("More conditions", 0, 8, 0, key="conditions"))):
        columns = st.columns(2)
        when = columns[0].selectbox("When", names, format_func=_label, key=f"when_{number}")
        values = columns[1].text_input("is one of", key=f"when_values_{number}", placeholder=_example(when))
        then = columns[0].selectbox("then", [n for n in FIELDS if n != when], format_func=_label, key=f"then_{number}")
        these = columns[1].text_input("is one of", key=f"then_values_{number}", placeholder=_example(then))
        if values.strip() and these.strip():
            conditions.append({"when": {when: _values(when, values)}, "then": {then: _values(then, these)}})
    return conditions


def _label(name: str) -> str:
    return FIELDS[name].label


def _example(name: str) -> str:
    field = FIELDS[name]
    return ", ".join(field.choices[:2]) if field.choices else exact(field.default)


def _values(name: str, text: str) -> list[Any]:
    return [_number(FIELDS[name], part) for part in text.split(",") if part.strip()]


def _budget() -> dict[str, Any]:
    st.header("Search", anchor=False)
    budget: dict[str, Any] = {"name": st.text_input("Name", _free_name(), key="study_name")}
    budget["sampler"] = st.segmented_control(
        "Sampler", list(SAMPLERS), default=TPE, required=True, format_func=TITLES.get, key="sampler", width="stretch",
        help="\n".join(f"- **{TITLES[name]}**: {text}" for name, text in SAMPLERS.items()),
    )  # fmt: skip
    columns = st.columns(2)
    budget["trials"] = int(columns[0].number_input("Maximum trials", 1, 100_000, 20, key="trials"))
    minutes = columns[1].number_input(
        "Time limit (minutes)",
        0,
        60 * 24 * 7,
        0,
        key="minutes",
        help="0 means no limit. Trials running when the limit is reached are finished.",
    )
    budget["epochs"] = int(columns[0].number_input("Epochs per trial", 1, 10_000, 10, key="trial_epochs"))
    budget["seeds"] = int(columns[1].number_input("Seeds per trial", 1, 20, 1, key="trial_seeds", help=_SEEDS))
    budget["objective"] = columns[0].selectbox(
        "Objective", list(OBJECTIVES), format_func=_objective, key="objective", help=_OBJECTIVE_HELP
    )
    budget["pruner"] = columns[1].selectbox(
        "Pruner", list(PRUNERS), format_func=str.capitalize, key="pruner",
        help="Ends unpromising trials early.\n"
        + "\n".join(f"- **{name.capitalize()}**: {text}" for name, text in PRUNERS.items()),
    )  # fmt: skip
    budget["seed"] = int(columns[0].number_input("Sampler seed", 0, 2**31 - 1, 1, key="sampler_seed"))
    if minutes:
        budget["minutes"] = minutes
    if not scheduler_address():
        most = max(1, os.cpu_count() or 1)
        help = "Each worker trains one run on its share of the cores and uses 1 to 1.5 GB of memory."
        # set once: free memory changes, and with it a default, which would take back what was chosen
        st.session_state.setdefault("sweep_workers", workers_for_sweeps())
        budget["workers"] = int(columns[1].number_input("Workers", 1, most, key="sweep_workers", help=help))
    return budget


def _objective(name: str) -> str:
    return OBJECTIVES[name].validation_title.lower()


_OBJECTIVE_HELP = "A trial's value is taken from the epoch with the " + " or ".join(
    metric.selected_by for metric in OBJECTIVES.values()
)
_SEEDS = "Each trial is trained with this many seeds, and its value is their mean: slower, but less affected by chance."


def _free_name() -> str:
    taken = {study.name for study in resources.studies().list()}
    return next(name for number in range(1, 100_000) if (name := f"study {number}") not in taken)


def _start(
    config: TrainingConfig, space: dict[str, Any], conditions: list[dict[str, Any]], budget: dict[str, Any]
) -> None:
    workers = budget.pop("workers", 1)
    budget = resources.limits().capped_budget(budget)
    # epochs are part of the budget, and defaults need not be listed
    stays = [name for name in FIELDS if name not in space and name != "epochs"]
    settings = {name: value for name in stays if (value := getattr(config, name)) != FIELDS[name].default}
    try:
        spec = StudySpec.from_dict({**budget, "settings": settings, "space": space, "condition": conditions})
        spec.check_new()
    except ExplorerError as error:
        st.error(sentence(error))
        return
    st.markdown(_summary(spec, config, workers))
    missing = [name for name in spec.space.values("dataset") if not datasets.available(name)]
    st.button(
        "Start study",
        type="primary",
        icon=":material/play_arrow:",
        key="start_sweep",
        disabled=bool(missing),
        on_click=_create,
        args=(spec, workers),
    )
    with st.expander("The same study from the command line"):
        st.code(to_toml(spec), language="toml")
        st.code(f"python -m explorer sweep {shlex.quote(spec.name)}.toml --workers {workers}", language="sh")


def _summary(spec: StudySpec, config: TrainingConfig, workers: int) -> str:
    seconds, measured = cost_estimate.predicted_seconds(config, resources.store().list())
    total = seconds * spec.epochs * spec.seeds * spec.planned
    fields = ", ".join(FIELDS[name].lower_label for name in spec.space.fields())
    source = "measured on this machine" if measured else "estimated: nothing has been measured yet"
    most = f"**{spec.planned:,} trials** over {fields}, {spec.epochs:,} epochs each"
    seeds = f" with {spec.seeds} seeds" if spec.seeds > 1 else ""
    if spec.minutes:
        total = min(total, 60 * spec.minutes)
    return f"{most}{seeds}: at most about **{duration(total)}** of training with the sidebar's settings ({source})."


@uninterrupted
def _create(spec: StudySpec, workers: int) -> None:
    studies = resources.studies()
    try:
        # the second click of two starts nothing
        if st.session_state.get(_STARTED) != spec or all(study.name != spec.name for study in studies.list()):
            resources.limits().check_studies(sum(study.status().status in ACTIVE for study in studies.list()))
            study = studies.create(spec)
            st.session_state[_STARTED] = spec
            launch(study, resources.store(), workers, scheduler_address())
    except (ExplorerError, OSError) as error:
        messages.post(f"{error}.")
        return
    selection.open_study(spec.name)
