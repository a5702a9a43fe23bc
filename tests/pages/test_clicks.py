"""Messages of the browser: a click counts in its own message only, and an interrupted callback is called again."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.scriptrunner import RerunData, RerunException

from explorer.pages.browser_messages import Conversation
from explorer.pages.clicks import uninterrupted


def message(timer: bool, clicked: bool) -> bytes:
    """What a browser sends: a typed number, and a click on a button."""
    sent = BackMsg()
    sent.rerun_script.is_auto_rerun = timer
    states = sent.rerun_script.widget_states.widgets
    states.add(id="rate", string_value="0.002")
    if clicked:
        states.add(id="train", trigger_value=True)
    return sent.SerializeToString()


@pytest.mark.parametrize(
    ("timer", "clicked", "passed_on"),
    [(True, True, (True, False)), (True, False, (True, False)), (False, True, (False, True))],
)
def test_a_timer_carries_no_click_and_everything_else(timer, clicked, passed_on):
    assert Conversation().take(message(timer, clicked)) == message(*passed_on)


def test_what_is_no_message_is_left_to_streamlit():
    assert Conversation().take(b"\xff\xff\xff") == b"\xff\xff\xff"


def test_an_interrupted_callback_is_called_again_and_the_message_that_interrupted_it_is_kept():
    called = []

    @uninterrupted
    def callback(value: int) -> None:
        called.append(value)
        if len(called) == 1:
            raise RerunException(RerunData(query_string="later"))

    with pytest.raises(RerunException) as raised:
        callback(7)
    assert called == [7, 7]
    assert raised.value.rerun_data.query_string == "later"
