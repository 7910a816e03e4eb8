"""The JSON object that a request carries."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from scrub_pixels.review.site.shapes import Malformed


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; nothing sent is an empty one.

    Raises
    ------
    Malformed
        If it is anything else.
    """
    content = await request.body()
    if not content:
        return {}
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Malformed("What was sent is not JSON.")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed("What was sent is not JSON.") from None
    if not isinstance(body, dict):
        raise Malformed("What was sent is no JSON object.")
    return body
