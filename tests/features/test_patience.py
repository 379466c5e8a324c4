from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from service.errors import NotFound, Unavailable
from service.features.patience import Patience


def test_what_is_away_is_said_once_until_it_is_back_or_something_else_is_away() -> None:
    patience = Patience("journal_waits")
    turns = ["queue_away", "queue_away", None, "queue_away", "database_away", "database_away"]
    with capture_logs() as lines:
        for code in turns:
            with patience:
                if code:
                    raise Unavailable(code=code)
            assert patience.missed == code
    assert [(line["event"], line["code"]) for line in lines] == [
        ("journal_waits", "queue_away"),
        ("journal_waits", "queue_away"),
        ("journal_waits", "database_away"),
    ]


def test_what_nobody_expected_is_not_forgiven() -> None:
    patience = Patience("journal_waits")
    with pytest.raises(NotFound), patience:
        raise NotFound
