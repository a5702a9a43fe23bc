"""Requests of a page's timers wait until what was drawn last has been sent; everything else passes at once."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.pages import timers
from explorer.pages.browser_messages import Conversation
from explorer.pages.timers import Drawing

FINISHED = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


@pytest.fixture
def drawing():
    return Drawing()


def begun() -> ForwardMsg:
    message = ForwardMsg()
    message.new_session.name = "page"
    return message


def request(timer: bool, part: str = "") -> ClientState:
    return ClientState(is_auto_rerun=timer, fragment_id=part)


def test_a_timer_waits_for_the_end_of_a_drawing(drawing):
    assert drawing.takes(request(timer=True))
    drawing.note(begun())
    assert not drawing.takes(request(timer=True))
    drawing.note(FINISHED)
    assert drawing.takes(request(timer=True))


def test_a_timer_waits_for_the_answer_to_a_request(drawing, monkeypatch):
    assert drawing.takes(request(timer=False))
    assert not drawing.takes(request(timer=True))
    monkeypatch.setattr(timers, "UNANSWERED_SECONDS", 0.0)
    assert drawing.takes(request(timer=True)), "nothing was drawn for the request"


@pytest.mark.parametrize("parts", ["ab", "abc"])
def test_no_timer_is_always_too_late(drawing, parts):
    """All of the same interval, each asking before what was drawn for the first one has been sent."""
    taken = []
    for _ in range(12):
        before = len(taken)
        taken += [part for part in parts if drawing.takes(request(timer=True, part=part))]
        assert len(taken) <= before + 1
        if len(taken) > before:
            drawing.note(begun())
            drawing.note(FINISHED)
    assert all(taken.count(part) >= 3 for part in parts)


def test_a_timer_skips_one_turn_only(drawing):
    """The part that was refused may not be there any more."""
    assert drawing.takes(request(timer=True, part="a")) and not drawing.takes(request(timer=True, part="gone"))
    for taken in (False, True, True):
        drawing.note(begun())
        drawing.note(FINISHED)
        assert drawing.takes(request(timer=True, part="a")) is taken


def test_a_click_never_waits(drawing):
    for _ in range(2):
        assert drawing.takes(request(timer=False))
        drawing.note(begun())


def test_other_messages_pass_as_they_are():
    conversation, timer = Conversation(), BackMsg(rerun_script=request(timer=True))
    conversation.note(begun().SerializeToString())
    assert conversation.take(timer.SerializeToString()) is None
    for content in (BackMsg(stop_script=True).SerializeToString(), b"\xff\xff\xff"):
        assert conversation.take(content) == content
