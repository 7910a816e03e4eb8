"""The pages and the files they are made of. No title and no address names anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from scrub_pixels import __version__
from scrub_pixels.review.site.house import House

TEMPLATES = Path(__file__).parent / "templates"
FOR_A_YEAR = "private, max-age=31536000, immutable"


def routes(house: House) -> list[Route]:
    """Return the pages of the site."""
    shown = _Pages(house)
    return [Route("/", shown.list), Route("/entry/{key}", shown.entry), Route("/open", shown.open),
            Route("/sign-in", shown.sign_in), Route("/static/{version}/{name:path}", shown.file)]


class _Pages:
    def __init__(self, house: House) -> None:
        self._house = house
        self._templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True,
                                      undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

    async def list(self, request: Request) -> Response:
        """Show the list."""
        return self._inside(request, "list.html")

    async def entry(self, request: Request) -> Response:
        """Show the viewer."""
        return self._inside(request, "viewer.html")

    async def open(self, request: Request) -> Response:
        """Show the page that takes the token out of its own address."""
        return self._to_sign_in() if self._house.shared else self._page("open.html")

    async def sign_in(self, request: Request) -> Response:
        """Ask for name and password, or explain how to come in."""
        return self._page("sign_in.html" if self._house.shared else "open.html")

    async def file(self, request: Request) -> Response:
        """Hand out a file of the page; browsers may keep it, its address changes with it."""
        asset = self._house.assets.files.get(request.path_params["name"])
        if asset is None or request.path_params["version"] != self._house.assets.version:
            return Response(status_code=404)
        return Response(asset.content, media_type=asset.type, headers={"Cache-Control": FOR_A_YEAR})

    def _inside(self, request: Request, template: str) -> Response:
        session = self._house.session(request)
        if session is None:
            return self._to_sign_in()
        return self._page(template, csrf=session.csrf, who=session.person.name,
                          role=session.person.role.value, idle=round(self._house.sessions.idle))

    def _to_sign_in(self) -> Response:
        return RedirectResponse(f"{self._house.prefix}/sign-in", 303)

    def _page(self, template: str, **values: Any) -> Response:
        house = self._house
        static = f"{house.prefix}/static/{house.assets.version}"
        page = self._templates.get_template(template)
        given = {"static": static, "base": house.prefix, "shared": house.shared, "version": __version__}
        return HTMLResponse(page.render(**given, **values))
