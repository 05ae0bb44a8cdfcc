"""One download over HTTP that goes on where it was cut. Owns the parts; the whole file's hash is its caller's business.

Each address has parts of its own beside the final file, so that pieces of different origins never come into one:
`NAME.ADDRESS.part`, and `NAME.ADDRESS.part.json` with its origin; ADDRESS is 12 digits of the address's sha256.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videocolor.files import sync_file, write_text_atomically
from videocolor.progress import byte_bar
from videocolor.version import __version__

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

USER_AGENT = f"videocolor/{__version__}"
"""All that a host is told about who asks."""

_FORMAT = 1
# What a cut costs at most: requests drops the chunk in which the connection ends.
_CHUNK = 1 << 16
# How often a cut download asks the same address again before the next one has its turn.
_TRIES = 3


class SourceError(ValueError):
    """An address answered with something that cannot be the file; the text says with what."""


class CutError(SourceError):
    """The connection ended before the file did; what has arrived is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """What is remembered beside a part."""

    source: str
    etag: str | None
    """A strong entity tag, or None."""
    total: int | None
    """Bytes of the whole file, where the host said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableDownloader:
    """A downloader for pooch, to be used for one file: called with address and target path, it puts the file there.

    A part is gone on with by Range if its host gave a strong ETag (If-Range then guards against a change), or if the
    whole file's hash is known: Hugging Face's storage gives no ETag. Otherwise it begins anew.
    """

    final: Path
    """Name that the file will have; the parts lie beside it."""
    size_bytes: int | None
    """Size that the file must have, where it is known."""
    is_hash_known: bool
    """Whether the caller compares the whole file with a hash."""
    show_bar: bool
    timeout_s: tuple[float, float]
    """For the connection, and for each wait for bytes."""

    def __call__(self, url: str, output_file: str, pooch: object = None) -> None:
        """Fetch `url` into `output_file`, a path in the folder of `final`.

        Raises:
            SourceError: The answer is no file, of the wrong size, or cut again and again.
            requests.RequestException: The host cannot be reached, or refuses.
            OSError: The part cannot be written.
        """
        part = part_path(self.final, url)
        for tries_left in reversed(range(_TRIES)):
            try:
                self._receive(url, part)
                break
            except CutError as error:
                if not tries_left:
                    raise
                log.info("%s: %s; asking for the rest", url, error)
        sync_file(part)
        part.replace(output_file)
        _origin_path(part).unlink(missing_ok=True)

    def _receive(self, url: str, part: Path) -> None:
        """To the end of the file or of the connection; anew where the part is of another file."""
        if not self._ask(url, part, self._resumable(url, part)):
            log.info("%s: another file than the part that is here; beginning anew", url)
            _discard(part)
            self._ask(url, part, None)

    def _ask(self, url: str, part: Path, origin: _Origin | None) -> bool:
        """One request, for the rest of a part or for the whole; False: the answer does not go on with the part."""
        import requests

        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        have = 0
        if origin is not None:
            have = part.stat().st_size
            if have == origin.total:
                return True
            headers["Range"] = f"bytes={have}-"
            if origin.etag is not None:
                headers["If-Range"] = origin.etag
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout_s) as response:
            if origin is not None and response.status_code in (206, 416):
                if not _goes_on(response, origin, have):
                    return False
            else:
                # The whole file: the first request, no support of Range, or another ETag than that of the part.
                have = 0
                response.raise_for_status()
                if response.status_code != 200:
                    raise SourceError(f"it answers {response.status_code} {response.reason}")
            total = self._checked_total(url, response, have)
            if have == 0:
                # Emptied first: bytes must never lie beside the note of another origin.
                part.open("wb").close()
                _remember(part, _Origin(source=url, etag=_strong_etag(response), total=total))
            self._write(response, part, have=have, total=total)
        return True

    def _resumable(self, url: str, part: Path) -> _Origin | None:
        """What is remembered of a part that can be gone on with."""
        if not part.is_file() or part.stat().st_size == 0:
            return None
        try:
            values = json.loads(_origin_path(part).read_text(encoding="utf-8"))
            if values.pop("format") != _FORMAT:
                return None
            origin = _Origin(**values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        is_safe = origin.etag is not None or (self.is_hash_known and origin.total is not None)
        return origin if origin.source == url and is_safe else None

    def _checked_total(self, url: str, response: "requests.Response", have: int) -> int | None:
        """Bytes of the whole file by the answer's headers; wrong answers are refused before their body is read."""
        hops = [item.url for item in (*response.history, response)]
        if url.startswith("https:") and not all(hop.startswith("https:") for hop in hops):
            raise SourceError("it leads to an address without https")
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise SourceError("it answers with a web page, not with a file")
        length = response.headers.get("Content-Length")
        total = None if length is None or not length.isdecimal() else int(length) + have
        if total is not None and self.size_bytes is not None and total != self.size_bytes:
            raise SourceError(f"it offers {total} bytes, the file has {self.size_bytes}")
        is_framed = total is not None or "chunked" in response.headers.get("Transfer-Encoding", "")
        if not is_framed and not self.is_hash_known:
            raise SourceError("it does not say how long the file is, and no hash is known to check the end by")
        return total

    def _write(self, response: "requests.Response", part: Path, *, have: int, total: int | None) -> None:
        import requests

        with (
            part.open("ab" if have else "wb") as file,
            byte_bar(self.final.name, total=total or self.size_bytes, done=have, wanted=self.show_bar) as bar,
        ):
            try:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException as error:
                log.debug("%s: %s", response.url, error)
                raise CutError(f"the connection was cut after {file.tell()} of {total or 'unknown'} bytes") from error
        size = part.stat().st_size
        # urllib3 before 2 ends a short answer without an error.
        if total is not None and size < total:
            raise CutError(f"the connection was cut after {size} of {total} bytes")
        if self.size_bytes is not None and size != self.size_bytes:
            _discard(part)
            raise SourceError(f"it gave {size} bytes, the file has {self.size_bytes}")


def part_path(final: Path, url: str) -> Path:
    """Where the bytes from one address gather."""
    return final.with_name(f"{final.name}.{hashlib.sha256(url.encode()).hexdigest()[:12]}.part")


def discard_parts(final: Path) -> None:
    """Remove what is left of other attempts, once a file is whole."""
    for path in final.parent.iterdir():
        if re.fullmatch(re.escape(final.name) + r"\.[0-9a-f]{12}\.part(\.json)?", path.name):
            path.unlink(missing_ok=True)


def why_failed(error: Exception, timeout_s: tuple[float, float]) -> str:
    """One phrase about a failed download; foreign messages repeat long signed addresses."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"it answers {error.response.status_code} {error.response.reason}".rstrip()
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached, or refuses"
    if isinstance(error, requests.Timeout):
        return f"no answer within {max(timeout_s):g} s"
    if isinstance(error, requests.ConnectionError):
        return "the host cannot be reached"
    return str(error)


def _goes_on(response: "requests.Response", origin: _Origin, have: int) -> bool:
    """Whether an answer is the rest of the file whose beginning is here."""
    if response.status_code != 206:
        return False
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != have:
        return False
    is_same_size = origin.total is None or match[3] == "*" or int(match[3]) == origin.total
    etag = _strong_etag(response)
    return is_same_size and (etag is None or origin.etag is None or etag == origin.etag)


def _strong_etag(response: "requests.Response") -> str | None:
    """A weak tag promises no equal bytes, so it does not join two pieces (RFC 9110, 13.1.5)."""
    etag: Any = response.headers.get("ETag")
    return etag if isinstance(etag, str) and etag.startswith('"') else None


def _origin_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, origin: _Origin) -> None:
    values: Mapping[str, Any] = {"format": _FORMAT, **asdict(origin)}
    write_text_atomically(_origin_path(part), json.dumps(values) + "\n")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _origin_path(part).unlink(missing_ok=True)
