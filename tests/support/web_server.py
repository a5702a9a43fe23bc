"""Web servers on this machine that send files, and misbehave as a test wants."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What a server sends, to every request or by the name of the file, and how it misbehaves."""

    content: bytes | dict[str, bytes]
    break_after: list[int] = field(default_factory=list)  # bytes sent before hanging up, a request each
    pause_after: int | None = None  # bytes sent before waiting for `go_on`
    go_on: threading.Event = field(default_factory=threading.Event)
    ignores_range: bool = False
    status: int | None = None
    ranges: list[str | None] = field(default_factory=list)
    folder: str = ""  # its address
    url: str = ""  # of a file


@contextmanager
def servers() -> Iterator[Callable[..., Server]]:
    """Yields a function that starts a server; all end with the block."""
    running = []

    def start(content: bytes | dict[str, bytes], **behaviour) -> Server:
        server = Server(content, **behaviour)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                _answer(self, server)

            def log_message(self, *_):
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        server.folder = f"http://127.0.0.1:{http.server_port}/"
        running.append((server, http))
        return server

    yield start
    for server, http in running:
        server.go_on.set()
        http.shutdown()
        http.server_close()


def _answer(handler: BaseHTTPRequestHandler, server: Server) -> None:
    asked = handler.headers.get("Range")
    server.ranges.append(asked)
    content = server.content
    if isinstance(content, dict):
        content = content.get(handler.path.rpartition("/")[2])
    if server.status or content is None:
        return handler.send_error(server.status or 404)
    first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and not server.ignores_range else 0
    body, size = content[first:], len(content)
    handler.send_response(206 if first else 200)
    handler.send_header("Content-Length", str(len(body)))
    if first:
        handler.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
    handler.end_headers()
    if server.break_after:
        body = body[: server.break_after.pop(0)]
    try:
        if server.pause_after is not None:
            handler.wfile.write(body[: server.pause_after])
            handler.wfile.flush()
            server.go_on.wait(300)
            body = body[server.pause_after :]
        handler.wfile.write(body)
    except OSError:
        pass  # the client left, as some tests want it to
