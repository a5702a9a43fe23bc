"""Chart axes in a real browser: whole epochs, however many, and curves that a single 0 does not flatten."""

import re

import pytest
from browser import HANGS, ROOT, chromium, serve, wait_for

PAGE = "tests/support/charts_page.py"
CURVES = ("curves", "twins", "overlay", "overlay_log_x", "overlay_log_y", "trials", "over_time", "band")
OVER_EPOCHS = {*CURVES, "accuracy", "layers", "rate"}
OTHERS = ("overlay_minutes", "by_depth", "range")
READ = """drawn => Object.fromEntries(drawn.map(node => [
    [...node.classList].find(name => name.startsWith('st-key-drawn_')).slice('st-key-drawn_'.length),
    {
        axes: [...node.querySelectorAll('g.role-axis-label')].map(axis => [...axis.querySelectorAll('text')]
            .filter(text => text.getAttribute('opacity') !== '0').map(text => text.textContent)),
        lines: [...node.querySelectorAll('g.mark-line path')].map(path => path.getAttribute('d') || ''),
        rings: [...node.querySelectorAll('g.mark-symbol path[stroke-width="2.5"]')].map(ring =>
            ring.getBoundingClientRect().toJSON()),
        best: [...node.querySelectorAll('g.mark-text text')].filter(text => text.textContent === 'best').map(text =>
            text.getBoundingClientRect().toJSON()),
    }]))"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Reads the axes and lines of every chart of some runs."""
    paths = f"{ROOT}:{ROOT / 'tests/support'}"
    with serve(tmp_path_factory.mktemp("runs"), PAGE, PYTHONPATH=paths) as address, chromium() as browser:

        def look(**query) -> dict:
            page = browser.new_page(viewport={"width": 1100, "height": 900})
            page.set_default_timeout(1000 * HANGS)
            page.goto(f"{address}/?{'&'.join(f'{name}={value}' for name, value in query.items())}")
            charts = page.locator("[class*=st-key-drawn_]")
            ready = lambda: charts.locator("svg.marks").count() == len(OVER_EPOCHS) + len(OTHERS)  # noqa: E731
            wait_for(lambda: (page.wait_for_timeout(100), ready())[1])
            found = charts.evaluate_all(READ)
            page.close()
            return found

        yield look


@pytest.mark.parametrize("epochs", [1, 2, 3, 10, 1000])
def test_epochs_are_whole_and_none_is_before_the_first(drawn, epochs):
    for name, chart in drawn(epochs=epochs).items():
        if name in OVER_EPOCHS:
            labels = [label.replace(",", "") for label in chart["axes"][0] if label]
            assert labels and all(re.fullmatch(r"\d+", label) for label in labels), (name, labels)
            assert len(set(labels)) == len(labels) and int(labels[-1]) <= epochs, (name, labels)


def heights(line: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML]-?[\d.]+,(-?[\d.e-]+)", line)]


@pytest.mark.parametrize("loss", ["zero", "infinite"])
def test_a_loss_of_0_or_of_infinity_collapses_no_curve(drawn, loss):
    found = drawn(epochs=10, loss=loss)
    for name in (*CURVES, "range"):
        chart = found[name]
        assert any(chart["axes"][1]), (name, "an axis without a number")
        assert not any("NaN" in line for line in chart["lines"]), name
        spread = [max(ys) - min(ys) for line in chart["lines"] if len(ys := heights(line)) > 1]
        assert max(spread) > 50, (name, spread)
    if loss == "zero":  # seven orders of magnitude are told apart, and the other run is drawn beside them
        (first, *_), labels = found["overlay_log_y"]["lines"], found["overlay_log_y"]["axes"][1]
        assert {"0.0000001", "0.1", "1"} <= set(labels)
        assert len({round(y) for y in heights(first)}) >= 6


@pytest.mark.parametrize("validation", [1.1, 0.5])
def test_best_is_written_beyond_the_rings_of_both_curves(drawn, validation):
    """Also where the validation curve is the better one, as before overfitting begins and with dropout."""
    found = drawn(epochs=10, validation=validation)
    for name, beyond in ("curves", "above"), ("accuracy", "below"):
        rings, [best] = found[name]["rings"], found[name]["best"]
        assert len(rings) == 2
        if beyond == "above":
            assert best["bottom"] <= min(ring["top"] for ring in rings) + 2
        else:
            assert best["top"] >= max(ring["bottom"] for ring in rings) - 2


def test_best_is_written_also_where_the_training_loss_of_its_epoch_is_cut_off(drawn):
    found = drawn(epochs=10, loss="starts_high")["curves"]
    [ring], [best] = found["rings"], found["best"]
    assert best["bottom"] <= ring["top"] + 2
