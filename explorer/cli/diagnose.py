"""The command `diagnose`: the findings of a run, and with `--try` the effect of each plausible fix."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from explorer.cli import terminal
from explorer.cli.options import check_possible, run_of, store_of
from explorer.cli.terminal import say
from explorer.config import FIELDS, TrainingConfig
from explorer.data.datasets import DATASETS
from explorer.diagnosis import Finding
from explorer.diagnosis.finding import since
from explorer.diagnosis.lessons import lesson_of
from explorer.errors import ExplorerError, WorkersError
from explorer.export.run_findings import findings_of
from explorer.fixes import attempts, effect, plan
from explorer.fixes.effect import Effect
from explorer.plain_text import count
from explorer.runs.run import Run
from explorer.runs.run_summary import summarize
from explorer.runs.status import ACTIVE
from explorer.runs.store import RunStore
from explorer.runs.twin import describe_changes, describe_new_values
from explorer.workers.cluster import Settings
from explorer.workers.run_queue import RunQueue

# workers that are started on a busy machine
START_SECONDS = 180.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `diagnose`."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument(
        "--try",
        dest="tried",
        action="store_true",
        help="train each plausible fix and the best two together, from the same initial weights, and rank them",
    )
    parser.add_argument(
        "--epochs",
        type=FIELDS["epochs"].parse,
        default=plan.MOST_EPOCHS,
        metavar="N",
        help=f"with --try, train each fix for at most N epochs (default {plan.MOST_EPOCHS})",
    )


def report(options: argparse.Namespace) -> int:
    """Prints the findings of a run; returns the exit status."""
    store, run = store_of(options), run_of(options)
    config, findings = run.config, findings_of(run)
    effects: list[Effect] = []
    if options.tried and (changes := plan.plausible(config, findings)):
        check_possible(config)
        effects = try_all(run, changes, store, options.epochs)
    values = {"run": run.name, "findings": [_values(finding, effects) for finding in findings]}
    if options.tried:
        values["fixes"] = [
            {"fix": dict(one.change), "reason": plan.reason_of(one.change, findings), **effect.values(one)}
            for one in effects
        ]
    terminal.answer(values, options, lambda values: lines(values, config, effects))
    return 0


def _values(finding: Finding, effects: list[Effect]) -> dict[str, Any]:
    fix = dict(finding.change)
    tried = next((effect.values(one) for one in effects if fix and dict(one.change) == fix), None)
    return {
        "name": finding.name,
        "title": lesson_of(finding).title,
        "severity": finding.severity,
        "since_epoch": finding.since,
        "evidence": finding.evidence,
        "why": finding.why,
        "fix": fix,
        "fixes": [{"fix": dict(one.change), "reason": one.reason} for one in finding.fixes],
        **({"before": tried["before"], "after": tried["after"]} if tried else {}),
    }


# --- trying the fixes ---------------------------------------------------------------------------------------


def try_all(run: Run, changes: list[plan.Change], store: RunStore, most: int) -> list[Effect]:
    """Trains the changes that have not been tried, then the best two together; returns all effects, the best first."""
    # also for a run outside the store: what tries it lies in the store
    known = _ended(run, store)
    failed = [one.change for one in attempts.effects(summarize(run), known) if one.failed]
    missing = [change for change in changes if attempts.key(change) not in known or change in failed]
    if missing or _pair(run, store):
        with _workers() as run_queue:
            if missing:
                say(f"{run.name}: trying {count(len(missing), 'fix', 'fixes')}, at most {most} epochs each")
                _train(attempts.wanted(summarize(run), missing, most), run, store, run_queue, compared=len(changes) > 1)
            if pair := _pair(run, store):
                say(f"{run.name}: trying the best two together")
                _train([pair], run, store, run_queue, compared=True)
    return attempts.effects(summarize(run), _ended(run, store))


def _ended(run: Run, store: RunStore) -> dict[tuple, attempts.Attempt]:
    tried = attempts.attempts_of(summarize(run), store.list())
    return {key: attempt for key, attempt in tried.items() if not attempt.is_active}


def _pair(run: Run, store: RunStore) -> tuple[plan.Change, int] | None:
    return attempts.pair_to_try(summarize(run), _ended(run, store))


@contextmanager
def _workers() -> Iterator[RunQueue]:
    run_queue = RunQueue(Settings.from_environment())
    try:
        if run_queue.wait_until_ready(START_SECONDS) != "ready":
            raise WorkersError(f"the workers could not be started: {run_queue.message}")
        yield run_queue
    finally:
        run_queue.abandon()
        run_queue.close()


def _train(
    wanted: list[tuple[plan.Change, int]], run: Run, store: RunStore, run_queue: RunQueue, *, compared: bool
) -> None:
    """Trains the changes on all workers, and says of each how it ended; Ctrl-C stops them."""
    origin = summarize(run)
    runs = attempts.create(store, origin, wanted, compared=compared)
    changes = {one.name: describe_new_values(run.config, one.config.with_(epochs=run.config.epochs)) for one in runs}
    try:
        for one in runs:
            run_queue.submit(one)
        waiting = list(runs)
        while waiting:
            run_queue.wait_for_news(0.5)
            for one in [one for one in waiting if one.status().status not in ACTIVE]:
                waiting.remove(one)
                say(f"{changes[one.name] or 'unchanged'}: {one.status().status} ({one.name})")
    except KeyboardInterrupt:
        for one in runs:
            run_queue.stop(one)
        raise
    except ExplorerError:  # a folder was removed meanwhile; the others are still of use
        say("a run that tries a fix can no longer be read")


# --- to read ----------------------------------------------------------------------------------------------------


def lines(values: dict[str, Any], config: TrainingConfig, effects: list[Effect]) -> list[str]:
    """The values of `report` as text to read."""
    findings = values["findings"]
    if not findings:
        return [f"{values['run']}: no problems so far"]
    text = [f"{values['run']}: {count(len(findings), 'finding')}"]
    for number, finding in enumerate(findings, 1):
        when = since(finding["since_epoch"])
        text += ["", f"{number}. {finding['title']} ({finding['severity']}, {when})"]
        text += [f"   {finding['evidence']}", f"   {finding['why']}"]
        if finding["fix"]:
            tried = next((one for one in effects if dict(one.change) == finding["fix"]), None)
            changes = describe_changes(config, config.with_(**finding["fix"]))
            text.append(f"   Fix{', untried' * (tried is None)}: {changes}")
            text += [f"   {effect.sentence(tried)}"] if tried else []
    return [*text, *_ranking(effects, [fix["reason"] for fix in values.get("fixes", ())])]


def _ranking(effects: list[Effect], reasons: list[str]) -> list[str]:
    if not effects:
        return []
    images = next((one.compared.images for one in effects if one.compared), None)
    counted = f" on {images:,} validation {DATASETS[effects[0].config.dataset].noun}" if images else ""
    text = ["", f"Fixes by their effect on validation accuracy{counted}:"]
    for place, (one, reason) in enumerate(zip(effects, reasons, strict=True), 1):
        text += [f"{place}. {effect.sentence(one)}", *([f"   {reason}"] if reason else [])]
        if interval := effect.interval_words(one):
            text.append(f"   {interval}")
    return [*text, effect.verdict(effects)]
