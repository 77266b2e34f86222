"""The policy versions: their list, a page for each, and the forms that promote, retire and roll back.

A form is sent twice: the first answer says what it would do, the second does it (see `orders`). Knows no policy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from api.console.evaluated import comparison_of, sheet_of_stored
from api.console.forms import FormDep
from api.console.golden_pages import golden_of_manifest, readable
from api.console.manifests import BUILT_IN_WORDS, facts_of, features_of
from api.console.orders import (
    OrderForm,
    button_words,
    check_unmoved,
    promotion_form,
    promotion_in_words,
    reason_form,
    retirement_in_words,
    roll_back_in_words,
    what_stands,
)
from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.console.standing import judged, of_version, on_stage
from api.dependencies.access import ActorDep
from api.dependencies.promotion import back_out, promote, retire
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.errors import BadInput, KeyartError
from api.storage.database import reading
from api.storage.policies import BUILT_IN, find_policy_version, list_deployments, standing
from api.storage.stages import Deployment, Stage, Standing
from api.storage.version_list import count_versions, newest_versions
from bandit.decision import PolicyVersionId
from bandit.gate import Failing
from bandit.golden import Golden

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

VERSIONS_A_PAGE = 20
GOLDEN_A_PAGE = 4
_GATED = (Stage.CANARY, Stage.LIVE)
_DONE = {
    "promote": "Promoted. Running servers follow within moments.",
    "retire": "Taken out of service.",
    "rollback": "Rolled back. Running servers follow within moments.",
}

VersionPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]


@router.get("/console/versions")
def versions(request: Request, services: ServicesDep, page: PageNumber = 1) -> Response:
    """List the learned versions, the newest first, and what stands."""
    with reading(services.engine) as connection:
        now = standing(connection)
        total = count_versions(connection)
        found = newest_versions(connection, limit=VERSIONS_A_PAGE, after=(page - 1) * VERSIONS_A_PAGE)
        rows = [(each, now.stage_of(each.version), judged(connection, each, now)) for each in found]
        context = {"stages": on_stage(connection, now), "deployments": list_deployments(connection, limit=20)}
    context |= {
        "rows": rows,
        "built_in": [(name, now.stage_of(name), BUILT_IN_WORDS[name]) for name in BUILT_IN],
        "total": total,
        "page": page,
        "pages": max(1, -(-total // VERSIONS_A_PAGE)),
        "can_roll_back": _can_roll_back(now),
    }
    return rendered(request, services, "versions.html", context)


@router.get("/console/versions/{version}")
def version_page(
    version: VersionPath, request: Request, services: ServicesDep, golden: PageNumber = 1, done: str = ""
) -> Response:
    """Show one version: where it stands, what it was learned from, how it was judged, what it would show."""
    context = {**_version_context(services, PolicyVersionId(version), golden=golden), "done": _DONE.get(done)}
    return rendered(request, services, "version.html", context)


@router.post("/console/versions/{version}/promote")
def promote_version(
    version: VersionPath, request: Request, services: ServicesDep, sent: FormDep, actor: ActorDep
) -> Response:
    """Say what a promotion would do, then, confirmed, do it."""
    name, form = PolicyVersionId(version), promotion_form(sent)
    share = services.settings.shadow_share

    def act() -> Deployment:
        order = form.order(actor=actor, now=datetime.now(UTC))
        return promote(services.engine, services.blobs, version=name, order=order, examiner=services.live.examiner)

    asked = Asked(
        kind="promote",
        version=name,
        form=form,
        words=lambda now: promotion_in_words(name, form, now, shadow_share=share),
        act=act,
    )
    return _answered(request, services, asked)


@router.post("/console/versions/{version}/retire")
def retire_version(
    version: VersionPath, request: Request, services: ServicesDep, sent: FormDep, actor: ActorDep
) -> Response:
    """Say what taking a version out of service would do, then, confirmed, do it."""
    name, form = PolicyVersionId(version), reason_form(sent)
    asked = Asked(
        kind="retire",
        version=name,
        form=form,
        words=lambda now: retirement_in_words(name, now),
        act=lambda: retire(services.engine, version=name, order=form.order(actor=actor, now=datetime.now(UTC))),
    )
    return _answered(request, services, asked)


@router.get("/console/rollback")
def roll_back_page(request: Request, services: ServicesDep) -> Response:
    """Ask for the reason of a roll-back."""
    return _asking(request, services, Asked(kind="rollback", form=OrderForm(), words=roll_back_in_words))


@router.post("/console/rollback")
def roll_back(request: Request, services: ServicesDep, sent: FormDep, actor: ActorDep) -> Response:
    """Say what a roll-back would do, then, confirmed, do it."""
    form = reason_form(sent)

    def act() -> Deployment:
        order = form.order(actor=actor, now=datetime.now(UTC))
        return back_out(services.engine, services.blobs, order=order, examiner=services.live.examiner)

    return _answered(request, services, Asked(kind="rollback", form=form, words=roll_back_in_words, act=act))


def _nothing() -> Deployment:
    raise BadInput("Nothing was asked for.", "Send the form.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An order on its way: what kind, of which version, as it was filled in, in words, and how it is carried out."""

    kind: str
    form: OrderForm
    words: Callable[[Standing], list[str]]
    version: PolicyVersionId | None = None
    act: Callable[[], Deployment] = _nothing


def _answered(request: Request, services: Services, asked: Asked) -> Response:
    """Answer a form: with its mistakes, with what it would do, or, done, with the page of what decides now."""
    form = asked.form
    if form.errors:
        return _asking(request, services, asked, status=422)
    if not form.confirmed:
        return _asking(request, services, asked, confirm=True)
    try:
        with reading(services.engine) as connection:
            check_unmoved(form, standing(connection))
        deployment = asked.act()
    except KeyartError as error:
        return _asking(request, services, asked, confirm=True, refused=error, status=error.status)
    services.refresh()
    version = asked.version or deployment.version
    return RedirectResponse(f"/console/versions/{quote(version)}?done={asked.kind}", status_code=303)


def _asking(
    request: Request,
    services: Services,
    asked: Asked,
    *,
    confirm: bool = False,
    refused: KeyartError | None = None,
    status: int = 200,
) -> Response:
    """The form again, or what it would do with a button that does it."""
    with reading(services.engine) as connection:
        now = standing(connection)
        verdict = _verdict(connection, asked, now)
    try:
        words = asked.words(now)
    except KeyartError as error:
        words, refused, confirm, status = [], error, False, error.status
    stopped = bool(verdict) and not asked.form.force
    context = {
        "kind": asked.kind,
        "version": asked.version,
        "form": asked.form,
        "said": words,
        "confirm_words": button_words(asked.kind, asked.version, asked.form),
        "against": verdict,
        "stopped": stopped,
        "confirm": confirm,
        "refused": refused,
        "seen": what_stands(now),
        "impossible": not words,
        "share_of_shadow": services.settings.shadow_share,
    }
    return rendered(request, services, "order.html", context, status=409 if stopped and status == 200 else status)


def _verdict(connection: Connection, asked: Asked, now: Standing) -> list[Failing]:
    """What the gate has against a promotion; nothing where it is not asked."""
    if asked.version is None or asked.version in BUILT_IN:
        return []
    found = judged(connection, find_policy_version(connection, asked.version), now)
    heard = asked.kind == "promote" and asked.form.stage in _GATED and found.verdict is not None
    return list(found.verdict.reasons) if heard and found.verdict else []


def _version_context(services: Services, version: PolicyVersionId, *, golden: int) -> Mapping[str, Any]:
    with reading(services.engine) as connection:
        now = standing(connection)
        stage = now.stage_of(version)
        deployments = of_version(list_deployments(connection, limit=500), version)
        found = None if version in BUILT_IN else find_policy_version(connection, version)
        told = None if found is None else judged(connection, found, now)
        began = next((each.began for each in on_stage(connection, now) if each.version == version), None)
    context: dict[str, Any] = {
        "version": version,
        "stage": stage,
        "began": began,
        "share": now.canary.share if now.canary and now.canary.version == version else None,
        "deployments": deployments,
        "form": OrderForm(stage="canary" if stage is Stage.CANDIDATE else "live", share="5"),
        "can_roll_back": _can_roll_back(now),
        "live": now.live,
        "share_of_shadow": services.settings.shadow_share,
        "built_in": BUILT_IN_WORDS.get(version),
        "judged": told,
        "shadow": services.shadow.of_all_servers(now.shadow_by) if stage is Stage.SHADOW else None,
        "comparison": comparison_of(told.evaluation.result) if told and told.evaluation else None,
        "sheet": sheet_of_stored(told.evaluation) if told and told.evaluation else None,
    }
    if found is not None:
        context |= {"facts": facts_of(found), "features": features_of(found.manifest), "created_at": found.created_at}
        context |= _golden_part(services, golden_of_manifest(found), number=golden)
    return context


def _golden_part(services: Services, golden: Golden | None, *, number: int) -> dict[str, Any]:
    if golden is None:
        return {}
    pages = max(1, -(-len(golden.pages) // GOLDEN_A_PAGE))
    first = min(number, pages) * GOLDEN_A_PAGE - GOLDEN_A_PAGE
    return {
        "golden": readable(services, golden, first=first, limit=GOLDEN_A_PAGE),
        "golden_page": min(number, pages),
        "golden_pages": pages,
        "golden_total": len(golden.pages),
        "golden_first": first + 1,
    }


def _can_roll_back(now: Standing) -> bool:
    return bool(now.canary or now.before)
