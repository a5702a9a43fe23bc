"""An empty data cache for each test of data sets that people add."""

import pytest

from explorer.data.own import registry


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The data cache: empty, and with nothing learned from runs."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_learned", {})
    return tmp_path / "data"
