"""What all pages share: one HTML file that needs nothing else (`base.html`), safe names, pictures inside."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from videocolor.errors import SettingsError
from videocolor.files import check_writable_folder

_SUFFIXES = (".html", ".htm")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
NOT_KNOWN = "–"
"""In place of a figure."""


def check_target(target: Path, *, overwrite: bool, film: Path | None = None) -> None:
    """Find out before the work whether a page can be written.

    Args:
        target: The page.
        overwrite: An existing page may be replaced.
        film: What the page is about, if that is a file: it is never replaced.

    Raises:
        SettingsError: The name is no page's, is the film's, or belongs to a file that must not be replaced.
        TargetError: The folder cannot be written.
    """
    if target.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{target} is no name of a page.", f"Name it {target.name}.html.")
    if target.is_dir():
        raise SettingsError(f"{target} is a folder.", f"Name a file in it, for example {target / 'report.html'}.")
    if film is not None and target.exists() and film.exists() and target.samefile(film):
        raise SettingsError(f"{target} is the film itself.", "Choose another name for the page.")
    if target.exists() and not overwrite:
        raise SettingsError(f"{target} exists already.", "Use --overwrite, or choose another name.")
    check_writable_folder(target.parent)


def render(
    package: str, template: str, values: Mapping[str, Any], *, filters: Mapping[str, Callable[..., Any]] | None = None
) -> str:
    """Fill in a template that extends `base.html`; every value is escaped that the template does not call safe.

    Args:
        package: Whose template it is.
        template: Its name.
        values: A name that the template uses and that is not here is an error.
        filters: Of the template, beside `percent` and `number`.
    """
    # Here, because no other command needs it.
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(name, ".") for name in dict.fromkeys((package, __package__))])
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader
    )
    environment.filters |= {"percent": percent, "number": number} | dict(filters or {})
    page = environment.get_template(template).render(values)
    # File names that are no UTF-8 arrive as lone surrogates, and names may hold control characters.
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", page.encode("utf-8", "backslashreplace").decode("utf-8"))


def picture_url(jpeg: bytes) -> str:
    """A JPEG file as an address that holds it."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def percent(share: float | None) -> str:
    """A share of 0..1 for people."""
    return NOT_KNOWN if share is None else f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A figure for people."""
    return NOT_KNOWN if value is None else f"{value:.{digits}f}"
