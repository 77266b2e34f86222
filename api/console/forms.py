"""A form as a browser sends it, read within limits. Knows no page.

Only `application/x-www-form-urlencoded` is taken: the standard library reads it, so no multipart parser is needed.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.dependencies.requests import read_body
from api.errors import BadInput

MOST_BYTES = 16_384
MOST_FIELDS = 40
_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields by name, each without the space around it; of a name that comes twice, the last.

    Raises:
        BadInput: the body is no such form, or is not UTF-8.
        TooLarge: it is longer than MOST_BYTES.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise BadInput("This is no form that the console sent.", f"Send it as {_TYPE}, or use the pages' own forms.")
    body = await read_body(request, MOST_BYTES)
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise BadInput("The form cannot be read.", "Use the pages' own forms.") from error
    return {name: value.strip() for name, value in fields}


FormDep = Annotated[Mapping[str, str], Depends(read_form)]
