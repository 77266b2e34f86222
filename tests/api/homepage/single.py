"""How tests decide single pages: by one policy, or by none."""

from api.homepage.assemble import PageOrder, PageStamp, Step, assemble_pages
from api.homepage.catalogue import Catalogue
from api.homepage.request import House, PageRequest
from bandit.decision import Page, Rung
from bandit.policies.policy import Policy


def assemble_page(
    request: PageRequest, catalogue: Catalogue, *, policy: Policy, stamp: PageStamp, house: House | None = None
) -> Page:
    """Decide one page by one policy, or by none where it fails; see `assemble_pages`."""
    order = PageOrder(request=request, stamp=stamp, steps=(Step(Rung.LIVE, policy),))
    return assemble_pages([order], catalogue, house=house or House())[0]


def fallback_page(request: PageRequest, catalogue: Catalogue, *, stamp: PageStamp, house: House | None = None) -> Page:
    """Show every asked title's default artwork, or the one that people pinned."""
    return assemble_pages([PageOrder(request=request, stamp=stamp)], catalogue, house=house or House())[0]
