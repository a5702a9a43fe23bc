"""The chart of a run and its twin: one axis for both, on which guessing is seen and a start far above it is cut off."""

import pytest
from chart_specs import values_of, without_data
from made_runs import history

from explorer.charts import twin
from explorer.charts.epoch_axes import LEAST_SPAN, guessing


def test_twins_share_one_chart_whatever_has_been_trained():
    for metric, level in (("loss", 2.3), ("accuracy", 0.1)):
        both = twin.twin_rows(history(1.0, 0.5), history(2.0), metric, level)
        assert set(both["run_id"].dropna()) == {twin.BEFORE, twin.CHANGED}
        cut = twin.twin_rows(history(20.0, 2.0, 1.0), history(30.0, 2.0), metric, level)
        for others in (cut, twin.twin_rows(history(1.0, 0.5), [], metric, level)):
            assert without_data(twin.twins(both, metric)) == without_data(twin.twins(others, metric))


def test_the_loss_of_an_exploded_run_and_its_twin_needs_a_log_scale():
    for highest, far in ((50.0, False), (50.1, True)):
        rows = twin.twin_rows(history(2.4, 2.3, val=[2.4, highest]), history(1.6, 0.9), "loss", 2.3)
        assert twin.exploded(rows) is far
    scales = [
        scale for scale in values_of(twin.twins(rows, "loss", True).to_dict()["layer"], "scale") if "type" in scale
    ]
    assert scales and {scale["type"] for scale in scales} == {"log"}


@pytest.mark.parametrize("other", [[2.4, 2.0, 1.5], [9.0, 2.2, 2.1], []])
def test_a_twins_start_far_above_guessing_is_cut_off_and_the_other_run_is_whole(other):
    rows = twin.twin_rows(history(900.0, 2.0, 1.8, val=[30.0, 2.0, 1.9]), history(*other, val=other), "loss", 2.3)
    assert not twin.exploded(rows) and rows["drawn"].max() < 3
    shown = rows[(rows["kind"] == "epoch") & rows["drawn"].notna()].groupby("run_id")["epoch"].agg(list).to_dict()
    whole = [epoch for epoch, loss in enumerate(other, 1) if loss < 9]
    assert shown == {twin.BEFORE: [2, 2, 3, 3]} | ({twin.CHANGED: sorted(2 * whole)} if other else {})
    [note] = rows.loc[rows["kind"] == "note", "note"]
    alone = "▲ cut off: epoch 1 has training 900 and validation 30"
    assert note.splitlines() == [
        "▲ original, epoch 1: training 900, validation 30" if other else alone,
        *(["▲ with the change, epoch 1: training 9, validation 9"] if 9.0 in other else []),
    ]
    entering = rows[rows["kind"] == "edge"].groupby("run_id")["split"].agg(set).to_dict()
    assert all(splits == {"training", "validation"} for splits in entering.values())
    assert set(entering) == {twin.BEFORE, *([twin.CHANGED] if 9.0 in other else [])}


def test_nothing_of_a_twin_is_cut_off_where_the_other_run_is_as_high():
    rows = twin.twin_rows(history(30.0, 2.0, 1.8), history(2.0, 25.0), "loss", 2.3)
    assert set(rows["kind"]) == {"epoch", "span", "level"} and rows["drawn"].max() > 30


def test_twins_show_the_level_of_guessing_and_no_noise_as_progress():
    noise = history(2.31, 2.30, 2.31, val=[2.30, 2.31, 2.30], accuracy=0.1)
    for metric in ("loss", "accuracy"):
        level = guessing(metric, 10)
        rows = twin.twin_rows(noise, noise, metric, level)
        assert rows.loc[rows["kind"] == "level", "drawn"].tolist() == [level]
        assert rows["drawn"].max() - rows["drawn"].min() >= LEAST_SPAN[metric] - 1e-9
        assert "chance level" in values_of(twin.twins(rows, metric).to_dict(), "text")
