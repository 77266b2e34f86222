"""GET /images/{sha256}: clean image bytes by their hash, which may be cached for ever."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.dependencies.requests import ServicesDep
from api.dependencies.uploads import stored_image
from artwork.catalog import ImageHash

router = APIRouter(tags=["images"])

FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/images/{sha256}", response_class=Response, responses={200: {"content": {"image/*": {}}}})
def image(sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], request: Request, services: ServicesDep) -> Response:
    """Return an image's bytes. Its address names its content, so it never changes and needs no key."""
    headers = {"ETag": f'"{sha256}"', "Cache-Control": FOR_EVER}
    if f'"{sha256}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    stored = stored_image(services, ImageHash(sha256))
    return Response(stored.data, media_type=f"image/{stored.format}", headers=headers)
