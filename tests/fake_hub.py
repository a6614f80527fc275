"""The Hugging Face Hub as far as a test needs it: its cache in a folder, a server on this machine, or no network."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

NAME = "acme/tiny"
OLD, NEW = "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"
"""Two commits."""


def put(cache: Path, source: str | Path, commit: str = OLD, absent: tuple[str, ...] = ()) -> Path:
    """Put a folder into a cache as a commit that ``main`` is at; files ``absent`` are known not to be there."""
    own = cache / f"models--{NAME.replace('/', '--')}"
    (own / "refs").mkdir(parents=True, exist_ok=True)
    (own / "refs" / "main").write_text(commit)
    for file in absent:
        note = own / ".no_exist" / commit / file
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    return Path(shutil.copytree(source, own / "snapshots" / commit))


def use_cache(patch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Let huggingface_hub have its cache there."""
    from huggingface_hub import constants

    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


def unplug(patch: pytest.MonkeyPatch) -> list[str]:
    """Refuse all connections, of which huggingface_hub knows nothing; the hosts that were asked for."""
    asked: list[str] = []

    def refuse(host: Any, *_: Any, **__: Any) -> None:
        asked.append(str(host))
        raise socket.gaierror(-2, "Name or service not known")

    _online(patch)
    patch.setattr(socket, "getaddrinfo", refuse)
    patch.setattr(socket.socket, "connect", lambda _, address: refuse(address))
    return asked


@contextmanager
def serving(
    patch: pytest.MonkeyPatch, source: str | Path, commit: str = OLD, status: int = 200
) -> Iterator[list[str]]:
    """Serve a folder as a commit that ``main`` is at, until the block is left; what was asked for, in order.

    Those of its files that there are come with ``status``.
    """
    asked: list[str] = []
    files = {str(path.relative_to(source)): path for path in Path(source).rglob("*") if path.is_file()}
    info = {"id": NAME, "sha": commit, "siblings": [{"rfilename": name} for name in files]}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, body: bool) -> None:
            path = self.path.partition("?")[0]
            asked.append(f"{self.command} {path}")
            _, _, inside = path.partition(f"/{NAME}/resolve/")
            found = files.get(inside.partition("/")[2])
            if path.startswith(f"/api/models/{NAME}"):
                content, code = json.dumps(info).encode(), 200
            else:
                content, code = (b"", 404) if found is None else (found.read_bytes(), status)
            self.send_response(code)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            if code == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    _online(patch)
    patch.setattr(constants, "ENDPOINT", address)
    patch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


def _online(patch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    patch.setattr(constants, "HF_HUB_OFFLINE", False)
