"""How a mistake looks to a person: a page that says what is wrong and what to do. Knows no route."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api.console.rendering import rendered
from api.dependencies.services import Services
from api.errors import BadInput, Forbidden, KeyartError, NotAllowed, TooManyRequests

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ConsoleRoute(APIRoute):
    """A route whose mistakes are answered with a page, under the same status that the API would give."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler; who is not logged in is left to the log-in."""
        answer = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except NotAllowed:
                raise
            except KeyartError as error:
                return problem_page(request, error)
            except RequestValidationError:
                return problem_page(request, BadInput("The address is not valid.", "Start from the overview."))

        return told


def problem_page(request: Request, error: KeyartError) -> Response:
    """The page of one mistake."""
    services = cast(Services, request.app.state.services)
    other_key = isinstance(error, Forbidden)
    context = {"title": error.title, "message": error.message, "remedy": error.remedy, "other_key": other_key}
    answer = rendered(request, services, "problem.html", context, status=error.status)
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer
