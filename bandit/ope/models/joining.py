"""What is told a log in parts and adds up: the one way in which two of a kind are joined. Knows no model."""

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, Self, final


class Joining(ABC):
    """`left + right` knows what both were told, and leaves both as they were."""

    @abstractmethod
    def join(self, other: Any) -> None:
        """Take in what another of the same kind and settings was told, without changing that one."""

    @final
    def __add__(self, other: Self) -> Self:
        both = copy(self)
        both.join(other)
        return both
