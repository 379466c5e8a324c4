"""Pages as a strict parser reads them, and what must hold of every one of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from justhtml import JustHTML

BODY_TAGS = {"a", "p", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "br", "del"}
"""All that a comment's text can become."""

NAMES = {"aria-labelledby", "aria-describedby", "for"}
"""Attributes that point to the id of another element."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A page, or a piece of one, without a single error of syntax."""

    root: Any

    @classmethod
    def page(cls, text: str) -> Parsed:
        """Read a whole page."""
        parsed = cls(JustHTML(text, sanitize=False, strict=True))
        html = parsed.one("html")
        assert html.attrs["lang"], "A page says its language."
        assert html.attrs["dir"] in {"ltr", "rtl"}
        assert len(parsed.all("h1")) == 1
        assert len(parsed.all("main")) == 1
        assert parsed.one("title").to_text().strip()
        parsed.inspect()
        return parsed

    @classmethod
    def piece(cls, text: str) -> Parsed:
        """Read what stands in a page of somebody else's."""
        parsed = cls(JustHTML(text, sanitize=False, strict=True, fragment=True))
        parsed.inspect()
        return parsed

    def all(self, selector: str) -> list[Any]:
        """Return every element a selector finds."""
        return list(self.root.query(selector))

    def one(self, selector: str) -> Any:
        """Return the only element a selector finds."""
        found = self.all(selector)
        assert len(found) == 1, f"{selector}: {len(found)}"
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """Return the words of every element a selector finds."""
        return [" ".join(each.to_text().split()) for each in self.all(selector)]

    def hrefs(self, selector: str) -> list[str]:
        """Return where every link a selector finds leads."""
        return [str(each.attrs["href"]) for each in self.all(selector)]

    def inspect(self) -> None:
        """Hold what is here against the rules for every page."""
        ids = Counter(each.attrs["id"] for each in self.all("*") if each.attrs.get("id"))
        assert not [name for name, times in ids.items() if times > 1], "Ids are unique."
        for element in self.all("*"):
            _inspect(element, set(ids))


def _inspect(element: Any, ids: set[str]) -> None:
    for name, value in element.attrs.items():
        said = f"<{element.name} {name}={value!r}>"
        assert not name.startswith("on"), said
        assert name != "style", said
        if name in {"href", "src", "action"}:
            assert str(value).startswith(("http://", "https://", "/", "#", "?")), said
        if name in NAMES:
            assert set(str(value).split()) <= ids, said
    assert element.name not in {"style", "iframe", "object", "embed", "base", "img"}, element.name
    if element.name == "script":
        is_data = element.attrs.get("type") == "application/json"
        assert is_data != bool(element.attrs.get("src")), "No script stands in a page."
    if element.name in {"input", "textarea"} and element.attrs.get("type") != "hidden":
        assert element.attrs.get("id"), "Each field has a label."
