"""POST /v1/outcomes: what happened to decisions, in batches, in any order, as often as it takes (C3).

Ten thousand outcomes take tens of milliseconds to read, so a thread does it, not the loop: msgspec reads a body in good
order, pydantic any other, and says what is wrong with it.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.dependencies.access import authorise
from api.dependencies.outcomes import ReportedOutcome, take_outcomes
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.routes.once import ONCE, OnceRoute
from api.routes.wire import EARLIEST, LATEST, BatchAnswer, Moment, OpaqueId, Refusal, Seconds, Wire
from bandit.decision import OutcomeKind

MOST_OUTCOMES = 10_000


class OutcomeBody(Wire):
    """Something that happened to a decision; `event` is the caller's id of this report."""

    event: OpaqueId
    decision: OpaqueId
    kind: OutcomeKind
    at: Moment
    seconds: Seconds | None = None
    of_seconds: Seconds | None = None


class OutcomesBody(Wire):
    """A batch of outcomes."""

    outcomes: Annotated[list[OutcomeBody], Field(min_length=1, max_length=MOST_OUTCOMES)]


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcomes: Annotated[list[ReportedOutcome], msgspec.Meta(min_length=1, max_length=MOST_OUTCOMES)]


class _OffTheLoop(OnceRoute):
    """Reads and answers batches in a thread; what is no JSON, or comes with a key, goes on to the framework."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute.get_route_handler`."""
        handle = super().get_route_handler()

        async def quick(request: Request) -> Response:
            plain = request.headers.get("content-type", "").startswith("application/json")
            if not plain or "idempotency-key" in request.headers or request.url.query:
                return await handle(request)
            await authorise(request)
            services = cast(Services, request.app.state.services)
            answer = await run_in_threadpool(_answer, services, await request.body())
            return await handle(request) if answer is None else answer

        return quick


router = APIRouter(tags=["serving"], route_class=_OffTheLoop)


@router.post("/outcomes", response_model=BatchAnswer, dependencies=[ONCE])
def report(body: OutcomesBody, services: ServicesDep) -> BatchAnswer:
    """Take outcomes. Repeating a batch is harmless; a forged decision id is rejected, the rest of the batch counts."""
    return _taken(services, _reported(body))


def _answer(services: Services, body: bytes) -> Response | None:
    """Take a batch, or return None for a body that is no JSON.

    Raises:
        RequestValidationError: something in it is wrong.
    """
    batch = _read(body)
    if batch is None:
        return None
    return Response(_taken(services, batch).model_dump_json(), media_type="application/json")


def _read(body: bytes) -> list[ReportedOutcome] | None:
    try:
        batch = _decode(body).outcomes
        if all(
            each.event.isprintable() and each.decision.isprintable() and EARLIEST <= each.at < LATEST for each in batch
        ):
            return [each if each.at.tzinfo is UTC else _in_utc(each) for each in batch]
    except (msgspec.MsgspecError, OverflowError):
        pass
    try:
        return _reported(OutcomesBody.model_validate_json(body))
    except ValidationError as error:
        found = error.errors(include_url=False)
        if found[0]["type"] == "json_invalid":
            return None
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from None


def _reported(body: OutcomesBody) -> list[ReportedOutcome]:
    return [
        ReportedOutcome(
            event=each.event,
            decision=each.decision,
            kind=each.kind,
            at=each.at,
            seconds=each.seconds,
            of_seconds=each.of_seconds,
        )
        for each in body.outcomes
    ]


def _in_utc(reported: ReportedOutcome) -> ReportedOutcome:
    return msgspec.structs.replace(reported, at=reported.at.astimezone(UTC))


def _taken(services: Services, reported: list[ReportedOutcome]) -> BatchAnswer:
    taken = take_outcomes(services, reported)
    rejected = [Refusal(event=event, reason=reason) for event, reason in taken.rejected]
    return BatchAnswer(accepted=taken.accepted, duplicates=taken.duplicates, rejected=rejected)


_decode = msgspec.json.Decoder(_Batch).decode
