"""The keys of the queue: one table for the page, its help, its palette and the manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct


class Key(Struct, frozen=True, kw_only=True):
    """One thing that keys do; its phrase is `key_<action>`."""

    action: str
    keys: tuple[str, ...]
    """As a browser on a US layout names them; `g q` is one after the other."""
    group: str
    decides: bool = False
    """It is ignored for a quarter of a second after a comment became current."""
    section: str | None = None
    """Where it leads, in the navigation; there is no such key for whoever is not shown that."""
    part: str = ""
    """Of that page: what stands behind `#`."""


KEYS: Final = (
    Key(action="next", keys=("j", "ArrowDown"), group="move"),
    Key(action="previous", keys=("k", "ArrowUp"), group="move"),
    Key(action="open", keys=("Enter", "o"), group="move"),
    Key(action="focus", keys=("z",), group="move"),
    Key(action="back", keys=("Escape",), group="move"),
    Key(action="approve", keys=("a",), group="decide", decides=True),
    Key(action="reject", keys=("r",), group="decide", decides=True),
    Key(action="spam", keys=("s",), group="decide", decides=True),
    Key(action="escalate", keys=("e",), group="decide", decides=True),
    Key(action="hide", keys=("h",), group="decide", decides=True),
    Key(action="feature", keys=("f",), group="decide", decides=True),
    Key(action="undo", keys=("u",), group="decide"),
    Key(action="later", keys=("w",), group="decide", decides=True),
    Key(action="claim", keys=("c",), group="decide"),
    Key(action="select", keys=("x",), group="many"),
    Key(action="extend_down", keys=("Shift+J",), group="many"),
    Key(action="extend_up", keys=("Shift+K",), group="many"),
    Key(action="approve_all", keys=("Shift+A",), group="many", decides=True),
    Key(action="reject_all", keys=("Shift+R",), group="many", decides=True),
    Key(action="spam_all", keys=("Shift+S",), group="many", decides=True),
    Key(action="cluster", keys=("d",), group="many"),
    Key(action="reveal", keys=("v",), group="look"),
    Key(action="translate", keys=("m",), group="look"),
    Key(action="thread_previous", keys=("[",), group="look"),
    Key(action="thread_next", keys=("]",), group="look"),
    Key(action="thread", keys=("t",), group="look"),
    Key(action="note", keys=("n",), group="look"),
    Key(action="author", keys=("b",), group="look"),
    Key(action="lane_1", keys=("1",), group="go"),
    Key(action="lane_2", keys=("2",), group="go"),
    Key(action="lane_3", keys=("3",), group="go"),
    Key(action="lane_4", keys=("4",), group="go"),
    Key(action="lane_5", keys=("5",), group="go"),
    Key(action="lane_6", keys=("6",), group="go"),
    Key(action="filter", keys=("/",), group="go"),
    Key(action="go_queue", keys=("g q",), group="go", section="queue"),
    Key(action="go_search", keys=("g s",), group="go", section="search"),
    Key(action="go_authors", keys=("g u",), group="go", section="search", part="#authors"),
    Key(action="go_rules", keys=("g r",), group="go", section="rules"),
    Key(action="go_articles", keys=("g a",), group="go", section="articles"),
    Key(action="go_statistics", keys=("g t",), group="go", section="statistics"),
    Key(action="go_log", keys=("g l",), group="go", section="log"),
    Key(action="go_account", keys=("g m",), group="go"),
    Key(action="palette", keys=("Ctrl+K",), group="go"),
    Key(action="help", keys=("?",), group="go"),
)
GROUPS: Final = ("move", "decide", "many", "look", "go")
FACES: Final = {
    "ArrowDown": "↓",
    "ArrowUp": "↑",
    "Escape": "Esc",
}
"""What stands on a key whose name is another."""


def keys_json(paths: Mapping[str, str]) -> list[dict[str, Any]]:
    """Write the table for the page's modules; `paths` are the sections that are shown."""
    return [
        {
            "action": each.action,
            "keys": each.keys,
            "group": each.group,
            "decides": each.decides,
            "path": paths[each.section] + each.part if each.section else None,
        }
        for each in KEYS
        if each.section is None or each.section in paths
    ]


def face(action: str) -> str:
    """Return what stands on the first key of an action."""
    key = next(each.keys[0] for each in KEYS if each.action == action)
    return FACES.get(key, key)
