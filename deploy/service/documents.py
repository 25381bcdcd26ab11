"""What GET answers: documents made of the functions, the settings and the state."""

import json
import time
from collections.abc import Mapping
from typing import NamedTuple

from deploy.service import catalogue, health, metrics, openapi, page
from deploy.service.metrics import Metrics
from deploy.service.places import Places
from deploy.service.request import Request
from deploy.service.settings import Settings
from functions.kit.manifest import Manifest


class Document(NamedTuple):
    """An answer: its status, media type and body, and when to ask again if it is a refusal."""

    status: int
    kind: str
    body: bytes
    retry_after_s: int | None = None


class Documents:
    """The documents, each by its path."""

    def __init__(
        self,
        settings: Settings,
        functions: Mapping[str, Manifest],
        places: Places,
        metrics: Metrics,
    ) -> None:
        self._settings, self._places, self._metrics = settings, places, metrics
        self._make(functions)
        self._remote = [name for name in settings.urls if name in self._enabled]
        self._began = time.monotonic()
        self.by_path = {
            "/": self._page,
            "/functions": self._catalogue,
            "/openapi.json": self._api,
            "/metrics": self._counts,
            "/health": self._health,
            "/readyz": self._readiness,
        }

    def replace(self, function: Manifest) -> None:
        """One of the functions has another manifest from now on."""
        self._make({**self._functions, function.name: function})

    def _make(self, functions: Mapping[str, Manifest]) -> None:
        """What is the same for all who ask."""
        disabled = self._settings.disabled
        self._functions = functions
        self._enabled = {name: its for name, its in functions.items() if name not in disabled}
        self._openapi = _dumps(openapi.document(self._enabled, keys=self._settings.api_keys))

    def _page(self, request: Request) -> Document:
        host = request.text(b"host") or "localhost"
        html = page.html(
            self._enabled, keys=self._settings.api_keys, origin=f"{request.scheme}://{host}"
        )
        return Document(200, "text/html; charset=utf-8", html.encode())

    def _catalogue(self, _: Request) -> Document:
        disabled = sorted(self._settings.disabled)
        document = catalogue.document(
            self._functions, self._places.snapshot(), disabled=disabled, remote=self._remote
        )
        return Document(200, "application/json", _dumps(document))

    def _api(self, _: Request) -> Document:
        return Document(200, "application/json", self._openapi)

    def _counts(self, _: Request) -> Document:
        return Document(200, metrics.CONTENT_TYPE, self._metrics.text(self._places.snapshot()))

    def _health(self, _: Request) -> Document:
        document = health.document(
            self._places.snapshot(),
            mode=self._settings.memory_mode,
            disabled=sorted(self._settings.disabled),
            remote=self._remote,
            uptime_s=time.monotonic() - self._began,
        )
        return Document(200, "application/json", _dumps(document))

    def _readiness(self, _: Request) -> Document:
        now = self._places.snapshot()
        document = health.readiness(now)
        status, retry = (200, None) if document["ready"] else (503, max(1, now.retry_after_s))
        return Document(status, "application/json", _dumps(document), retry)


def _dumps(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
