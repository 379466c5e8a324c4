"""The text policy: what a person may write, and how it is kept.

Pure functions over strings: no I/O, no clock. The reasons stand in
`docs/decisions/0004-text-policy.md`.
"""

from service.features.text.characters import has_visible
from service.features.text.policy import clean_body, clean_line, clean_name, clean_note
from service.features.text.skeleton import is_deceptive, is_mixed_script, name_skeleton

__all__ = [
    "clean_body",
    "clean_line",
    "clean_name",
    "clean_note",
    "has_visible",
    "is_deceptive",
    "is_mixed_script",
    "name_skeleton",
]
