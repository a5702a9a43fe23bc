"""The Compare page as Streamlit's own test runner draws it, on hand-made run folders."""

import re
from urllib.parse import unquote

import pytest
from drawn import address, page_alone, texts
from make_runs import make_runs
from streamlit.testing.v1 import AppTest

from explorer.config import TrainingConfig
from explorer.pages import resources
from explorer.pages.run.links import NAME_IN_ADDRESS
from explorer.runs import notes
from explorer.runs.history import EpochRecord
from explorer.runs.notes import Annotation
from explorer.runs.status import COMPLETED, FAILED, STOPPED

DIGITS = TrainingConfig(dataset="digits", depth=2, width=20, epochs=3)


def app(chosen: list[str] | None = None, **settings) -> AppTest:
    """The page alone, as the navigation would draw it, with some runs chosen as clicks on their rows would."""

    page = page_alone("compare")
    if chosen:
        page.session_state["compared"] = chosen
    for key, value in settings.items():
        page.session_state[key] = value
    return page.run()


def trained(store, config=DIGITS, status=COMPLETED, loss=1.0, epochs=3):
    run = store.create(config)
    for epoch in range(1, epochs + 1):
        value = loss + 1 / epoch
        run.append(EpochRecord(epoch, value, 0.5, value, min(1, 1 - value / 4), 5e-5, 0.1))
    run.end(status, "")
    return run


def shown_runs(page: AppTest) -> list[str]:
    """The names in the leaderboard, which are the last part of their links, as the browser reads them."""
    return [unquote(re.search(NAME_IN_ADDRESS, link)[1]) for link in page.dataframe[0].value["run"]]


def group(store, loss, **settings):
    return [trained(store, DIGITS.with_(seed=n, **settings), loss=loss + n / 50) for n in (1, 2, 3)]


def test_without_a_run_it_says_what_to_do(store):
    page = app()
    assert not page.exception
    assert "There are no runs yet. Train one on the **Train** page" in texts(page)


def test_the_leaderboard_says_how_its_epochs_were_selected_and_shows_the_settings_that_differ(store):
    worse, better = trained(store), trained(store, DIGITS.with_(depth=5), loss=0.5)
    better.annotate(Annotation("the good one", ("x",), "noted"))
    page = app()
    assert not page.exception
    assert "2 runs. Loss and accuracy are from each run's best epoch, selected by the lowest validation" in texts(page)
    table = page.dataframe[0].value
    assert shown_runs(page) == ["the good one", "Digits ELU 2×20, max epochs 3"]
    assert table["run"].tolist()[1].startswith(f"./?run={worse.name}#")
    assert "depth" in table and "width" not in table and "val_data_loss" not in table
    assert table["val_loss"].tolist() == pytest.approx([0.5 + 1 / 3, 1 + 1 / 3])
    assert table["curve"].iloc[0] == pytest.approx([1.5, 1.0, 0.5 + 1 / 3])
    page.toggle(key="compare_every").set_value(True).run()
    assert "width" in page.dataframe[0].value


def test_a_loss_with_a_penalty_stands_beside_the_one_without(store):
    run = store.create(DIGITS.with_(l2=0.05))
    run.append(EpochRecord(1, 1.5, 0.5, 1.3, 0.5, 5e-5, 0.1, val_penalty=0.5))
    run.end(COMPLETED, "")
    table = app().dataframe[0].value
    assert (table["val_loss"].tolist(), table["val_data_loss"].tolist()) == ([1.3], pytest.approx([0.8]))


def test_losses_with_different_label_smoothing_are_said_to_differ(store):
    words = "Validation losses include label smoothing, which differs between these runs; their accuracies do not."
    trained(store), trained(store)
    assert words not in texts(app())
    trained(store, DIGITS.with_(label_smoothing=0.1))
    assert words in texts(app())


def test_words_and_filters_narrow_the_leaderboard(store):
    _, two = trained(store), trained(store, DIGITS.with_(depth=5, activation="tanh"))
    two.annotate(Annotation("deep"))
    page = app()
    page.text_input(key="compare_search").set_value("DEEP").run()
    assert shown_runs(page) == ["deep"]
    page.text_input(key="compare_search").set_value("nothing like it").run()
    assert not page.exception and "No runs match these filters." in texts(page)
    page.text_input(key="compare_search").set_value("")
    page.multiselect(key="compare_filters").set_value(["activation", "depth"]).run()
    page.multiselect(key="compare_only_activation").set_value(["elu"]).run()
    assert shown_runs(page) == ["Digits ELU 2×20, max epochs 3"]
    page.multiselect(key="compare_only_activation").set_value([])
    page.select_slider(key="compare_range_depth").set_value((5, 5)).run()
    assert shown_runs(page) == ["deep"]


def test_data_sets_are_kept_apart(store):
    trained(store, DIGITS.with_(dataset="cifar10"))
    trained(store)
    page = app()
    assert shown_runs(page) == ["Digits ELU 2×20, max epochs 3"]
    assert "on 360 validation images" in texts(page)


def test_chosen_runs_are_drawn_over_each_other_with_exactly_what_differs(store):
    runs = [trained(store, DIGITS.with_(depth=depth), loss=depth / 2) for depth in (2, 3, 4)]
    page = app([runs[0].name, runs[2].name])
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 2
    told = page.table[0].value
    assert told["Depth"].tolist() == ["2", "4"]
    assert list(told.columns) == ["Depth", "Validation loss", "Validation accuracy", "Time to 41%"]


def test_repeats_are_grouped_and_their_difference_is_put_in_words(store):
    group(store, 1.0)
    group(store, 2.0, depth=5)
    trained(store, DIGITS.with_(seed=9), status=FAILED, epochs=0)
    page = app(compare_section="Repeats")
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 2
    assert "depth 2 is better than depth 5: over 3 common seeds, its validation accuracy is 25.00 points" in texts(page)
    assert "paired Student's t" in texts(page)
    assert "points from the seed (standard deviation over 3 seeds), ±" in texts(page)
    assert "points from the choice of 360 validation images" in texts(page)
    assert "1 unfinished run is not counted." in texts(page)


def test_nothing_is_concluded_from_one_seed_or_from_different_images(store):
    one, two = trained(store), trained(store, DIGITS.with_(depth=5))
    page = app([one.name, two.name], compare_section="Repeats")
    assert "have only one seed in common" in texts(page)
    three = trained(store, DIGITS.with_(validation_split="book"))
    page = app([one.name, three.name], compare_section="Repeats")
    assert not page.exception
    assert "Inconclusive: the two groups are measured on different validation images." in texts(page)


def test_points_are_not_called_images(store):
    points = DIGITS.with_(dataset="moons")
    for config in (points, points.with_(depth=5)):
        runs = [trained(store, config.with_(seed=seed), loss=config.depth / 5 + seed / 50) for seed in (1, 2, 3)]
    other = trained(store, points.with_(validation_split="book"))
    said = texts(app(compare_section="Repeats"))
    assert "on 200 or 400 validation points, one seed per row" in said
    assert "from the choice of 400 validation points" in said and "other points would change each accuracy" in said
    said += texts(app([runs[0].name, other.name], compare_section="Repeats"))
    assert "measured on different validation points." in said and "image" not in said


def test_a_single_selected_run_can_be_exported_beside_the_tables(store):
    one, two = trained(store), trained(store, DIGITS.with_(depth=5))
    (two.path / "best.keras").write_bytes(b"a model")

    def offered(*runs) -> dict[str, bool]:
        page = app([run.name for run in runs])
        assert not page.exception
        return {button.proto.label: not button.proto.disabled for button in page.get("download_button")}

    tables = dict.fromkeys(["Table (CSV)", "Histories (CSV)", "Table (Parquet)", "Histories (Parquet)"], True)
    exports = dict.fromkeys(["History", "Keras script", "Notebook", "Report", "Archive"], True)
    assert offered() == tables | {"Report of the selected runs": False}
    assert offered(one) == tables | exports | {"Model": False}
    assert offered(two) == tables | exports | {"Model": True}
    assert offered(one, two) == tables | {"Report of 2 selected runs": True}
    assert "The selected run, Digits ELU 5×20, max epochs 3." in texts(app([two.name]))


def test_settings_and_results_are_linked_in_one_chart(store):
    make_runs(30, store.folder)
    page = app(compare_section="Settings and results")
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 1
    page.multiselect(key="compare_axes").set_value([]).run()
    page.selectbox(key="compare_sx").set_value("activation").run()
    page.selectbox(key="compare_color").set_value("val_loss").run()
    assert not page.exception


def test_an_axis_stays_in_the_address_when_another_would_be_drawn_at_first(store):
    trained(store, DIGITS.with_(depth=2))
    trained(store, DIGITS.with_(depth=5))
    trained(store, DIGITS.with_(depth=5, learning_rate=0.01), status=STOPPED)
    page = app(compare_section="Settings and results", compare_statuses=[COMPLETED])
    assert page.selectbox(key="compare_sx").value == "depth" and "compare_sx" not in address(page)
    page.multiselect(key="compare_statuses").set_value([]).run()  # the rates differ, and the axis would be that
    assert page.selectbox(key="compare_sx").value == "depth" and address(page)["compare_sx"] == "Depth"


def test_five_more_seeds_are_trained_of_the_chosen_run(store):
    run = trained(store, DIGITS.with_(epochs=1))
    trained(store, DIGITS.with_(epochs=1, seed=3))
    page = app([run.name])
    page.button(key="compare_repeat").click().run()
    assert not page.exception
    assert sorted(summary.config.seed for summary in store.list()) == [1, 2, 3, 4, 5, 6, 7]
    assert len({summary.config.with_(seed=0) for summary in store.list()}) == 1
    for summary in store.list():
        resources.run_queue().stop(summary.run)


def test_deleted_runs_wait_in_the_bin_and_come_back_with_one_click(store):
    runs = [trained(store, DIGITS.with_(depth=depth)) for depth in (2, 3)]
    page = app([runs[0].name])
    page.button(key="compare_delete").click().run()
    assert [summary.name for summary in store.list()] == [runs[1].name]
    assert notes.binned(store.folder) == [runs[0].name]
    assert "**Digits ELU 2×20, max epochs 3** is in the bin." in texts(page)
    assert "Digits ELU 2×20, max epochs 3" in page.multiselect(key="compare_binned").options
    page.button(key="compare_undo").click().run()
    assert len(store.list()) == 2
    store.bin(runs[0])
    store.bin(runs[1])
    page.run()
    page.button(key="compare_empty").click().run()
    assert not page.exception and notes.binned(store.folder) == []


def test_a_run_that_waits_cannot_be_deleted_and_the_page_says_why(store):
    run = store.create(DIGITS)
    page = app([run.name])
    page.button(key="compare_delete").click().run()
    assert f"{run.name!r} is queued; stop it first, then it can be removed." in texts(page)


def test_a_run_gets_a_name_tags_and_a_note(store):
    run = trained(store)
    page = app([run.name])
    page.text_input(key=f"compare_name_{run.name}").set_value("mine")
    page.text_input(key=f"compare_tags_{run.name}").set_value("a, b")
    page.text_area(key=f"compare_note_{run.name}").set_value("why")
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception
    assert run.annotation() == Annotation("mine", ("a", "b"), "why")
    page.text_input(key=f"compare_tags_{run.name}").set_value("t" * 31)
    next(button for button in page.button if button.label == "Save").click().run()
    assert "it must be at most 30 characters long, not 31." in texts(page)
    page.text_input(key=f"compare_tags_{run.name}").set_value("a")
    page.text_input(key=f"compare_name_{run.name}").set_value("n" * 81)
    next(button for button in page.button if button.label == "Save").click().run()
    assert "it must be at most 80 characters long, not 81." in texts(page)
    assert run.annotation() == Annotation("mine", ("a", "b"), "why")


def test_a_popover_closes_after_its_action_and_stays_open_where_that_failed(store):
    runs = [trained(store, DIGITS.with_(depth=depth)) for depth in (2, 3)]
    page = app([run.name for run in runs], compare_annotate=True)

    def tag(text: str) -> None:
        page.text_input(key="compare_tag_added").set_value(text)
        next(button for button in page.button if button.label == "Add to all").click().run()

    tag("t" * 31)
    assert page.session_state["compare_annotate"]
    tag("deep")
    assert not page.session_state["compare_annotate"]
    assert [run.annotation().tags for run in runs] == [("deep",)] * 2
    store.bin(runs[0])
    page.session_state["compare_bin"] = True
    page.run()
    page.multiselect(key="compare_binned").set_value([runs[0].name]).run()
    page.button(key="compare_restore").click().run()
    assert not page.exception and not page.session_state["compare_bin"]
    assert len(store.list()) == 2


def test_broken_folders_are_told_beside_the_good_runs(store):
    _, broken = trained(store), trained(store)
    (broken.path / "config.json").write_text("{")
    page = app()
    assert not page.exception
    assert shown_runs(page) == ["Digits ELU 2×20, max epochs 3"]
    assert f"config.json of {broken.name} cannot be read" in texts(page)


def test_what_a_logarithmic_axis_leaves_out_is_said(store):
    trained(store)
    said = "Zeros are left out"
    assert said not in texts(app(compare_log_y=True))
    trained(store, DIGITS.with_(depth=3), loss=-1.0)  # 0 in the first epoch
    assert said in texts(app(compare_log_y=True)) and said not in texts(app())


def test_a_link_selects_its_runs_and_says_what_it_ignores(store):
    one, two = trained(store, loss=1.0), trained(store, DIGITS.with_(depth=4), loss=2.0)
    trained(store, DIGITS.with_(depth=6), loss=0.5)
    other = trained(store, DIGITS.with_(dataset="cifar10"))
    page = page_alone("compare")
    page.query_params["runs"] = [two.name, "[gone](x)", one.name, other.name]
    page.query_params["view"] = "Repeats"
    page.run()
    assert not page.exception
    assert page.session_state["compared"] == [two.name, one.name]
    assert page.query_params["runs"] == [two.name, one.name]
    (warning,) = [each.value for each in page.warning]
    assert r"\[gone\](x) (no such run)" in warning and f"{other.name} (on another data set)" in warning
    assert page.session_state["compare_section"] == "Repeats"


def test_every_run_links_to_its_page(store):
    run = trained(store)
    strange = trained(store, DIGITS.with_(depth=3))
    named = store.folder / "a&b=c #d [x](y)"
    strange.path.rename(named)
    page = app(chosen=[run.name, named.name])
    assert {link.partition("#")[0] for link in page.dataframe[0].value["run"]} == {
        f"./?run={run.name}",
        "./?run=a%26b%3Dc+%23d+%5Bx%5D%28y%29",
    }
    names = {"Digits ELU 2×20, max epochs 3", "Digits ELU 3×20, max epochs 3"}
    assert set(shown_runs(page)) == names
    assert {link.proto.label for link in page.get("page_link")} == names
    assert [name in page.table[0].value.index[place] for place, name in enumerate(shown_runs(page))] == [True] * 2


def test_filters_and_axes_are_in_the_address_and_a_link_brings_them(store):
    for depth in (2, 5):
        trained(store, DIGITS.with_(depth=depth))
    page = page_alone("compare")
    page.query_params.update(
        {"compare_search": "2×20", "compare_log_y": "true", "compare_x": "time", "compare_statuses": "completed"}
    )
    page.run()
    assert not page.exception and not page.warning
    assert page.text_input(key="compare_search").value == "2×20" and page.toggle(key="compare_log_y").value
    assert page.multiselect(key="compare_statuses").value == ["completed"]
    assert shown_runs(page) == ["Digits ELU 2×20, max epochs 3"]
    page = page_alone("compare")
    page.query_params.update({"compare_filters": ["Depth", "Weight"], "compare_x": "miles", "view": "Nothing"})
    page.run()
    assert not page.exception and page.multiselect(key="compare_filters").value == ["depth"]
    [warning] = [each.value for each in page.warning]
    for told in ("Weight (no such choice)", "miles (no such choice)", "Nothing (unknown view; choose one of Curves"):
        assert told in warning


def groups_in(page: AppTest) -> dict[str, str]:
    """The groups in the address of a page; one that is compared anyway is left out."""
    return {name: value for name, value in address(page).items() if name in ("compare_one", "compare_other")}


def test_the_two_groups_that_are_compared_are_in_the_address_and_a_link_brings_them(store):
    runs = [group(store, loss, depth=depth)[0] for depth, loss in ((2, 0.5), (5, 1.0), (7, 2.0))]
    page = app(compare_section="Repeats")
    assert (page.selectbox(key="compare_one").value, page.selectbox(key="compare_other").value) == (
        "depth 2",
        "depth 5",
    )
    page.selectbox(key="compare_other").set_value("depth 7").run()
    assert groups_in(page) == {"compare_other": "depth 7"}
    page.query_params["runs"] = [runs[1].name, runs[2].name]  # selects them, and so changes what is compared at first
    page.run()
    link = groups_in(page)
    assert link == {"compare_one": "depth 2"}
    page = page_alone("compare")
    page.query_params.update({**link, "view": "Repeats", "runs": [runs[1].name, runs[2].name]})
    page.run()
    assert not page.exception and not page.warning
    assert "depth 2 is better than depth 7" in texts(page)


def test_a_group_of_a_link_that_is_not_there_is_said_to_be_ignored(store):
    for depth in (2, 5):
        trained(store, DIGITS.with_(depth=depth), loss=depth / 5)
    page = page_alone("compare")
    page.query_params.update({"compare_one": "depth 9", "view": "Repeats"})
    page.run()
    assert not page.exception and page.selectbox(key="compare_one").value == "depth 2"
    assert [each.value for each in page.warning] == ["Ignored from the link: depth 9 (no such choice)."]
