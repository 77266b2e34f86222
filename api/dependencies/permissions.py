"""Who may call what: one table, method and path → scopes. Knows no key.

A test makes the matrix of roles and routes from it; a route without a row fails another one, and opens for nobody.
"""

from collections.abc import Mapping
from typing import Final

from api.credentials import Scope

OPEN: Final = None
"""No key is asked for."""

ADMINS = frozenset({Scope.ADMIN})
SERVERS = frozenset({Scope.SERVING})
CREATIVE = frozenset({Scope.CREATIVE})
WHO_ORDER = frozenset({Scope.CREATIVE, Scope.OPERATOR})
WHO_DEPLOY = frozenset({Scope.ANALYST, Scope.OPERATOR})
OPERATORS = frozenset({Scope.OPERATOR})
PEOPLE = frozenset({Scope.CREATIVE, Scope.ANALYST, Scope.OPERATOR})
EVERYONE = frozenset(Scope)

PERMISSIONS: Mapping[tuple[str, str], frozenset[Scope] | None] = {
    ("POST", "/v1/select"): SERVERS,
    ("POST", "/v1/select:batch"): SERVERS,
    ("POST", "/v1/outcomes"): SERVERS,
    ("POST", "/v1/events"): SERVERS,
    ("GET", "/v1/titles"): EVERYONE,
    ("GET", "/v1/titles/{title}"): EVERYONE,
    ("PUT", "/v1/titles/{title}"): CREATIVE,
    ("GET", "/v1/titles/{title}/artworks"): EVERYONE,
    ("GET", "/v1/titles/{title}/artworks/{artwork}"): EVERYONE,
    ("PUT", "/v1/titles/{title}/artworks/{artwork}"): CREATIVE,
    ("PUT", "/v1/titles/{title}/artworks/{artwork}/image"): CREATIVE,
    ("POST", "/v1/titles/{title}/artworks/{artwork}:pause"): WHO_ORDER,
    ("POST", "/v1/titles/{title}/artworks/{artwork}:resume"): WHO_ORDER,
    ("POST", "/v1/titles/{title}/artworks/{artwork}:retire"): WHO_ORDER,
    ("GET", "/v1/titles/{title}/guards"): PEOPLE,
    ("POST", "/v1/titles/{title}/guards"): WHO_ORDER,
    ("POST", "/v1/titles/{title}/guards/{guard}:lift"): WHO_ORDER,
    ("GET", "/v1/decisions/{decision}"): WHO_DEPLOY,
    ("GET", "/v1/policies"): PEOPLE,
    ("GET", "/v1/policies/{version}"): PEOPLE,
    ("POST", "/v1/policies/{version}:promote"): WHO_DEPLOY,
    ("POST", "/v1/policies/{version}:retire"): WHO_DEPLOY,
    ("POST", "/v1/policies:rollback"): WHO_DEPLOY,
    ("GET", "/v1/experiments"): PEOPLE,
    ("POST", "/v1/experiments"): WHO_DEPLOY,
    ("GET", "/v1/experiments/{experiment}"): PEOPLE,
    ("POST", "/v1/experiments/{experiment}:start"): WHO_DEPLOY,
    ("POST", "/v1/experiments/{experiment}:stop"): WHO_DEPLOY,
    ("GET", "/v1/forecasts"): PEOPLE,
    ("POST", "/v1/viewers:erase"): OPERATORS,
    ("GET", "/v1/erasures/{erasure}"): OPERATORS,
    ("POST", "/v1/viewers:exclude"): OPERATORS,
    ("POST", "/v1/viewers:include"): OPERATORS,
    ("GET", "/v1/viewers:excluded"): OPERATORS,
    ("GET", "/v1/keys"): ADMINS,
    ("POST", "/v1/keys"): ADMINS,
    ("POST", "/v1/keys/{name}:rotate"): ADMINS,
    ("POST", "/v1/keys/{prefix}:revoke"): ADMINS,
    ("GET", "/v1/audit"): OPERATORS,
    ("GET", "/images/{sha256}"): OPEN,
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("POST", "/logout"): OPEN,
    ("GET", "/"): PEOPLE,
    ("GET", "/console"): WHO_DEPLOY,
    ("GET", "/console/figures"): WHO_DEPLOY,
    ("GET", "/console/versions"): WHO_DEPLOY,
    ("GET", "/console/versions/{version}"): WHO_DEPLOY,
    ("POST", "/console/versions/{version}/promote"): WHO_DEPLOY,
    ("POST", "/console/versions/{version}/retire"): WHO_DEPLOY,
    ("GET", "/console/forecasts"): WHO_DEPLOY,
    ("GET", "/console/rollback"): WHO_DEPLOY,
    ("POST", "/console/rollback"): WHO_DEPLOY,
    ("GET", "/console/experiments"): WHO_DEPLOY,
    ("GET", "/console/experiments/{experiment}"): WHO_DEPLOY,
    ("POST", "/console/experiments/{experiment}/start"): WHO_DEPLOY,
    ("POST", "/console/experiments/{experiment}/stop"): WHO_DEPLOY,
    ("GET", "/console/explorer"): WHO_DEPLOY,
    ("POST", "/console/explorer"): WHO_DEPLOY,
    ("GET", "/console/decisions"): WHO_DEPLOY,
    ("GET", "/console/decisions/{decision}"): WHO_DEPLOY,
    ("GET", "/gallery"): PEOPLE,
    ("GET", "/gallery/{title}"): PEOPLE,
}
"""The rows, as `docs/access.md` shows them."""
