"""What may stand behind the `?` of an address of the API: what its route takes, once. Knows no route."""

from collections.abc import Iterator
from typing import cast

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.errors import BadInput


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse what the route would pass over: `?limt=5` would give a whole list, `?limit=1&limit=2` one of the two.

    Raises:
        BadInput: a parameter is not known to the route, or comes twice.
    """
    if not request.url.query:
        return
    known = tuple(_names(cast(APIRoute, request.scope["route"]).dependant))
    names = [name for name, _ in request.query_params.multi_items()]
    unknown = next((name for name in names if name not in known), None)
    remedy = f"It takes {', '.join(known)}." if known else "Leave out what stands behind the question mark."
    if unknown is not None:
        raise BadInput(f"This address takes no parameter {unknown[:64]!r}.", remedy)
    twice = next((name for name in known if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"The parameter {twice!r} comes twice.", "Send it once.")


def _names(dependant: Dependant) -> Iterator[str]:
    """The parameters that a route takes itself, then those of what it depends on."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _names(each)
