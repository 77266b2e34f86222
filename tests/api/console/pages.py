"""How the tests read the console's pages: as a browser does, without script."""

import html
import re
from typing import Any

from httpx import Response

from tests.api.installation import Installation

NASTY = '<script>alert("1")</script>'


def key_of(installation: Installation, *scopes: str) -> dict[str, str]:
    """The header of a new key with these scopes."""
    answer = installation.http.post("/v1/keys", json={"name": "-".join(scopes), "scopes": list(scopes)})
    assert answer.status_code in (200, 201), answer.text
    installation.services.refresh()
    return {"Authorization": f"Bearer {answer.json()['key']}"}


def text_of(answer: Response) -> str:
    """What a person reads: without tags, entities resolved, every run of space one."""
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def hidden_fields(answer: Response) -> dict[str, str]:
    """The hidden fields of the page's last form but the log-out."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text)
    return {name: html.unescape(value) for name, value in fields}


def post(installation: Installation, path: str, **more: Any) -> Response:
    """Send a form and do not follow where it leads."""
    headers = more.pop("headers", None)
    return installation.http.post(path, data=more, headers=headers, follow_redirects=False)
