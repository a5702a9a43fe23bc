"""Draws the comparison of all plausible fixes of a run: its button, its progress, then the ranking."""

import threading
from collections.abc import Sequence

import streamlit as st

from explorer.data.datasets import DATASETS
from explorer.diagnosis import Finding
from explorer.fixes import attempts, effect, plan
from explorer.fixes.effect import Effect
from explorer.pages import messages, resources
from explorer.pages.chart import draw_chart
from explorer.pages.run import fixes
from explorer.pages.session import session
from explorer.pages.text import LONGEST_SENTENCE, foreign
from explorer.runs.run_summary import RunSummary

# so that two sessions that look at the same comparison do not both continue it
_continuing = threading.Lock()


def draw(origin: RunSummary, findings: Sequence[Finding], tried: fixes.Attempts, place: str) -> None:
    """Draws the comparison of all plausible fixes: its button, its progress, then the ranking; nothing for fewer."""
    changes = plan.plausible(origin.config, findings)
    together = attempts.compared(tried)
    if len(changes) < 2 and not together:
        return
    with st.container(border=True, key=f"{place}_compare", gap="small"):
        st.markdown("**All fixes compared**")
        active = [attempt for attempt in tried.values() if attempt.is_active]
        if together and active:
            done = len(tried) - len(active)
            st.progress(done / len(tried), text=f"{done} of {len(tried)} trained")
            for attempt in active:
                fixes.progress(origin, attempt)
            return
        known = attempts.effects(origin, tried)
        if together and _continue(origin):
            st.caption("Training the best two together…")
            return
        if together:
            _ranking(origin, known, findings, place)
        missing = [change for change in changes if attempts.key(change) not in tried]
        missing += [one.change for one in known if one.failed]
        if missing:
            _compare_button(origin, changes, missing, place)


def _compare_button(origin: RunSummary, changes: Sequence, missing: Sequence, place: str) -> None:
    names = ", ".join(fixes.name(origin, change) for change in changes)
    st.caption(foreign(f"Plausible: {names}.", LONGEST_SENTENCE))
    st.button(
        "Compare all fixes",
        key=f"{place}_compare_all",
        icon=":material/balance:",
        help="Trains each of these and then the best two together, from the same initial weights, and ranks them "
        f"by what they gain on the same validation {DATASETS[origin.config.dataset].noun}.",
        on_click=fixes.start,
        args=(origin, missing, True),
    )


def _ranking(origin: RunSummary, ranked: Sequence[Effect], findings: Sequence[Finding], place: str) -> None:
    from explorer.charts.fixes import gains, gains_frame

    if not ranked:
        return
    st.markdown(f"**{foreign(effect.verdict(ranked), LONGEST_SENTENCE)}**")
    measured = [(place, known) for place, known in enumerate(ranked, 1) if known.compared]
    if measured:
        rows = [
            (place, fixes.name(origin, known.change), known.difference, *known.compared.interval)
            for place, known in measured
        ]
        draw_chart(gains, gains_frame(rows), len(rows), key=f"{place}_gains", alt="gain in accuracy of each fix")
    lines = [foreign(fixes.result(known, findings), LONGEST_SENTENCE) for known in ranked]
    st.markdown("\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)))
    if measured:
        best = measured[0][1]
        images, spec = best.compared.images, DATASETS[best.config.dataset]
        st.caption(
            f"Bars: 95% interval. Compared {spec.one} by {spec.one} on the same {images:,} validation {spec.noun}, one "
            "seed. Best: "
            f"{foreign(effect.interval_words(best), LONGEST_SENTENCE)}."
        )
    if ranked[0].helps:
        label = f"Use {fixes.name(origin, ranked[0].change)}"
        fixes.use_button(origin, ranked[0].change, f"{place}_winner", label, type="primary")


def _continue(origin: RunSummary) -> bool:
    """Trains the best two fixes of a comparison together once it has ended, whoever looks at it then.

    Returns whether that was started now.
    """
    with _continuing:
        pair = attempts.pair_to_try(origin, fixes.of(origin))
        started = pair is not None and _has_room() and fixes.train(origin, [pair], compared=True)
    if started:
        messages.redraw()
    return started


def _has_room() -> bool:
    """Whether this session may have another run, so that nobody is told of a limit without having clicked."""
    most = resources.run_queue().limits.runs
    return not most or len(resources.run_queue().names_of(session())) < most
