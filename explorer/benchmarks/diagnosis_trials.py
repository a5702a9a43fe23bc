"""Training of one group of a campaign by a worker: a healthy network, its faulty twins, and the fix of each."""

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from explorer.benchmarks import diagnosis_drawing
from explorer.benchmarks.diagnosis import HEALTHY_WITHIN, SEEDS, first_suggestion, is_fault, is_healthy
from explorer.benchmarks.faults_kind import Fault
from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.diagnosis import Evidence, diagnose
from explorer.errors import FieldError
from explorer.runs.history import best_epoch
from explorer.workers import worker

FAULTS_PER_NETWORK = 4
MOST_DRAWS = 10
# after the first seed: so far below its reference a network is not healthy, so little below its twin there is no fault
HOPELESS, HARMLESS = 0.06, 0.01

Values = dict[str, Any]


class Trials:
    """The runs of one process: each configuration is trained once, and each size has one reference."""

    def __init__(self, references: Mapping[str, float]):
        self.references = dict(references)
        self._accuracies: dict[TrainingConfig, float] = {}

    def group(self, seed: int, number: int, dataset: str, epochs: int) -> Values:
        """The results of a group, as values for JSON; they depend on nothing but the arguments."""
        rng = random.Random(f"{seed}/{number}/{dataset}/{epochs}")
        self._accuracies.clear()
        healthy, draws = None, 0
        while healthy is None and draws < MOST_DRAWS:
            draws += 1
            healthy = self._healthy(diagnosis_drawing.draw(rng, dataset, epochs))
        values: Values = {"group": number, "draws": draws, "healthy": healthy, "faulty": []}
        if healthy:
            config = TrainingConfig.from_dict(healthy["config"])
            drawn = diagnosis_drawing.draw_faults(rng, config, FAULTS_PER_NETWORK)
            values["faulty"] = [self._faulty(config, healthy["accuracies"], *each) for each in drawn]
        return values

    def _healthy(self, config: TrainingConfig) -> Values | None:
        """The measurements of a network; None where it learns less than the reference of its size."""
        reference = self._reference(config)
        first = self._train(config, measured=True)
        if first["accuracy"] < reference - HEALTHY_WITHIN - HOPELESS:
            return None
        accuracies = [first["accuracy"], *self._more_seeds(config)]
        if not is_healthy(accuracies, reference):
            return None
        return {"config": config.to_dict(), "accuracies": accuracies, **_diagnosed(config, first)}

    def _faulty(self, config: TrainingConfig, before: list[float], fault: Fault, strength: Any) -> Values:
        injected = fault.inject(config, strength)
        values: Values = {"fault": fault.name, "strength": strength, "config": injected.to_dict()}
        first = self._train(injected, measured=True)
        accuracies = [first["accuracy"]]
        if before[0] - accuracies[0] > HARMLESS:
            accuracies += self._more_seeds(injected)
        images = len(datasets.load(config.dataset, config.validation_split).validation)
        values |= {"accuracies": accuracies, "kept": is_fault(before, accuracies, images)}
        if not values["kept"]:
            return values
        values |= _diagnosed(injected, first)
        return values | self._fixed(injected, values["findings"])

    def _fixed(self, config: TrainingConfig, findings: list[Values]) -> Values:
        change = first_suggestion(findings)
        if not change:
            return {"fix": {}, "fixed": None}
        try:
            fixed = config.with_(**change)
        except FieldError as error:  # a suggestion that is out of bounds
            return {"fix": change, "fixed": None, "fix_error": str(error)}
        return {"fix": change, "fixed": [self._train(fixed)["accuracy"], *self._more_seeds(fixed)]}

    def _reference(self, config: TrainingConfig) -> float:
        size = config.depth, config.width
        name = f"{config.dataset}, {config.epochs} epochs, {size[0]} x {size[1]}"
        if name not in self.references:
            chosen = diagnosis_drawing.reference(config.dataset, config.epochs, size)
            self.references[name] = fmean([self._train(chosen)["accuracy"], *self._more_seeds(chosen)])
        return self.references[name]

    def _more_seeds(self, config: TrainingConfig) -> list[float]:
        return [self._train(config.with_(seed=config.seed + more))["accuracy"] for more in range(1, SEEDS)]

    def _train(self, config: TrainingConfig, measured: bool = False) -> Values:
        """Trains a configuration; `measured` with its history, layer statistics and cause."""
        if config in self._accuracies and not measured:
            return {"accuracy": self._accuracies[config]}
        trained = _run(config, measured)
        self._accuracies[config] = trained["accuracy"]
        return trained


def _run(config: TrainingConfig, measured: bool) -> Values:
    from explorer.training.trainer import train

    network, _ = worker.programs().network(config, datasets.load(config.dataset, config.validation_split))
    records, signals = [], []
    outcome = train(
        config,
        network,
        on_epoch=lambda record, improved, checkpoint: records.append(record),
        on_signals=signals.append if measured else None,
    )
    best = best_epoch(records)
    chance = 1 / datasets.spec_of(config.dataset).classes
    accuracy = best.val_accuracy if best and math.isfinite(best.val_accuracy) else chance
    return {"accuracy": accuracy, "records": records, "signals": signals, "cause": outcome.cause}


def _diagnosed(config: TrainingConfig, trained: Values) -> Values:
    """The findings about a run, and the evidence for them without histograms."""
    records, signals = trained["records"], trained["signals"]
    findings = diagnose(Evidence(config, records, signals, trained["cause"]))
    plain = [
        replace(epoch, layers=tuple(replace(layer, histogram_counts=()) for layer in epoch.layers)) for epoch in signals
    ]
    return {
        "findings": [{"name": f.name, "severity": f.severity, "change": dict(f.change)} for f in findings],
        "evidence": {
            "cause": trained["cause"],
            "history": [asdict(record) for record in records],
            "signals": [epoch.to_json() for epoch in plain],
        },
    }


_here: Trials | None = None


@dataclass(frozen=True)
class Trained:
    """A trained group, with the address and the memory (bytes) of the worker process that trained it."""

    group: Values
    worker: str
    memory: int


def train_group(seed: int, number: int, dataset: str, epochs: int, references: Mapping[str, float]) -> Trained:
    """Trains a group in this worker process, with the references that are known by then."""
    import psutil
    from distributed import get_worker

    global _here
    _here = _here or Trials({})
    _here.references.update(references)
    group = {**_here.group(seed, number, dataset, epochs), "references": dict(_here.references)}
    return Trained(group, get_worker().address, psutil.Process().memory_info().rss)
