"""A host of weight files on this machine, for tests: what it answers is chosen, what it was asked is remembered."""

import hashlib
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from videocolor.models.store.manifest import WeightFile

CONTENT = bytes(range(256)) * 2000
NAME = "weights.pth"


@dataclass
class Host:
    """What `http://127.0.0.1:PORT/...` answers, and `asked`: headers and body bytes of every request."""

    content: bytes = b""
    etag: str | None = '"one"'
    status: int = 200
    content_type: str = "application/octet-stream"
    takes_ranges: bool = True
    takes_if_range: bool = True
    rest_begins_late: int = 0
    """Bytes that a partial answer leaves out, and says so."""
    tells_length: bool = True
    cuts: list[int] = field(default_factory=list)
    """Bytes after which the first, second, ... answer ends; later answers are whole."""
    delay_s: float = 0.0
    redirect_to: str | None = None
    asked: list[dict] = field(default_factory=list)
    address: str = ""

    def url(self, path="/weights.pth"):
        return self.address + path


@contextmanager
def serving(**values):
    """A running Host."""
    host = Host(**values)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            # The asker may have left.
            with suppress(ConnectionError):
                answer(self, host)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(handler, host):
    headers = {key.lower(): value for key, value in handler.headers.items()}
    request = {"path": handler.path, "headers": headers, "sent": 0}
    host.asked.append(request)
    time.sleep(host.delay_s)
    if host.redirect_to is not None and handler.path != host.redirect_to:
        handler.send_response(302)
        handler.send_header("Location", host.redirect_to)
        handler.end_headers()
        return
    if host.status != 200:
        handler.send_error(host.status)
        return
    body = host.content
    start = requested_start(headers, host)
    start = None if start is None else start + host.rest_begins_late
    if start is not None and start >= len(body):
        handler.send_error(416)
        return
    handler.send_response(200 if start is None else 206)
    if start is not None:
        handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        body = body[start:]
    if host.etag is not None:
        handler.send_header("ETag", host.etag)
    if host.tells_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Content-Type", host.content_type)
    handler.end_headers()
    body = body[: host.cuts.pop(0)] if host.cuts else body
    request["sent"] = len(body)
    handler.wfile.write(body)


def requested_start(headers, host):
    """First byte that is asked for, where the host grants it."""
    if not host.takes_ranges or "range" not in headers:
        return None
    if host.takes_if_range and headers.get("if-range", host.etag) != host.etag:
        return None
    return int(headers["range"].removeprefix("bytes=").removesuffix("-"))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def weight_file(*sources, content=CONTENT, **values):
    """A file of the manifest whose size and hash are known."""
    known = {"sha256": sha256(content), "size_bytes": len(content)} if content is not None else {}
    return WeightFile(**{"name": NAME, "licence": "MIT", "sources": sources, **known, **values})


def visible_files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/{NAME}"
