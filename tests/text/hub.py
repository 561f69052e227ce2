"""A hub of language models on this machine, for what must not ask the real one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub(SimpleHTTPRequestHandler):
    """Answers as huggingface.co does of one model, `me/tiny`, whose files lie in `directory`."""

    def translate_path(self, path: str) -> str:
        there = path.startswith("/me/tiny/resolve/")
        return super().translate_path("/" + path.rpartition("/")[2] if there else "/nothing")

    def do_GET(self) -> None:
        if self.path == "/api/models/me/tiny":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"id": "me/tiny"}')
        else:
            super().do_GET()

    def end_headers(self) -> None:
        name = self.path.rpartition("/")[2]
        self.send_header("ETag", f'"{name}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        super().end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        known = self.path.startswith(("/me/tiny/", "/api/models/me/tiny/"))
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def hub(folder: str | Path) -> Iterator[str]:
    """The address of a hub that is there until it is left."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
