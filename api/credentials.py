"""Who calls: the scopes that a key may have, and the principal that a request acts as. Knows no database, no HTTP."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What the holder of a key works as. ADMIN may do everything."""

    SERVING = "serving"
    CREATIVE = "creative"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request acts as: the name of its key, what the key may do, and the key's prefix."""

    name: str
    scopes: frozenset[Scope]
    prefix: str = ""

    @property
    def actor(self) -> str:
        """How audit log, deployments and guards name it."""
        return f"key:{self.name}"

    def may(self, allowed: frozenset[Scope]) -> bool:
        """Tell whether one of its scopes is among those allowed; ADMIN always is."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(allowed)
