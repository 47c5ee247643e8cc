"""Closed lists whose members say in words what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Self, cast


class MeaningEnum(StrEnum):
    """Members are written `NAME = "value", "what it means"`: text equal to their value, which is stable, and with a `meaning` for
    people.
    """

    def __new__(cls, value: str, meaning: str) -> Self:
        """Called by the enum's making alone; a member is found by its value as in any other."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def from_value(cls, value: str) -> Self:
        """The member of that value, as the ordinary call can't be written here. Raises: KeyError."""
        return cast("Self", cls._value2member_map_[value])

    meaning: str
