"""The list of what a browser keeps: only what it was sent lately stays in it."""

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.pages.browser_cache import BrowserCache

KEPT_FOR = 6
FINISHED, OVERTAKEN = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_EARLY_FOR_RERUN


@pytest.fixture
def cache():
    return BrowserCache(KEPT_FOR)


def send(cache: BrowserCache, key: str) -> None:
    """Sends a large message whole."""
    message = ForwardMsg(hash=key)
    message.metadata.cacheable = True
    message.delta.new_element.text.body = "large"
    cache.note(message)


def finish(cache: BrowserCache, drawings: int, how: int = FINISHED) -> None:
    for _ in range(drawings):
        cache.note(ForwardMsg(script_finished=how))


def listed(cache: BrowserCache, *keys: str) -> list[str]:
    """What the server sees of a browser's list."""
    request = ClientState(query_string="run=a", cached_message_hashes=keys)
    cache.remove_old(request)
    assert request.query_string == "run=a"
    return list(request.cached_message_hashes)


def test_what_was_sent_lately_stays_in_the_list(cache):
    send(cache, "chart")
    for drawings in range(KEPT_FOR):
        assert listed(cache, "chart", "never sent") == ["chart"] * (drawings <= KEPT_FOR // 2)
        finish(cache, 1)


def test_what_is_named_again_counts_as_sent(cache):
    send(cache, "chart")
    finish(cache, KEPT_FOR // 2)
    cache.note(ForwardMsg(ref_hash="chart"))
    finish(cache, KEPT_FOR // 2)
    assert listed(cache, "chart") == ["chart"]


def test_a_drawing_that_was_overtaken_ages_nothing(cache):
    send(cache, "chart")
    finish(cache, 10 * KEPT_FOR, OVERTAKEN)
    assert listed(cache, "chart") == ["chart"]
