"""Fail if a page of the site links to a file or a place in a page that is not there.

    python docs/check_links.py build/docs

Sphinx itself checks what it makes links of; this reads what came of it. It asks no network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The places in a page that can be linked to, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down `id` and `name`, `href` and `src`."""
        for key, value in attrs:
            if value and (key == "id" or (key == "name" and tag == "a")):
                self.places.add(value)
            elif value and key in ("href", "src"):
                self.links.append(value)


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _pages(site: Path) -> list[Path]:
    """Return the pages of a site; the theme's templates in ``_static`` are none."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def broken(site: Path) -> list[str]:
    """Return a sentence for each link of a site that leads nowhere; outside links are not asked."""
    pages = {path.resolve(): _read(path) for path in _pages(site)}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            where = f"{path.relative_to(site.resolve())} links to {link}"
            if not aim.exists():
                found.append(f"{where}, which is no file.")
            elif parts.fragment and aim in pages:
                if unquote(parts.fragment) not in pages[aim].places:
                    found.append(f"{where}, but the page has no such place.")
    return found


def main(site: Path) -> int:
    """Print what is broken; return 1 if anything is, or if there is no page at all."""
    if not (site / "index.html").exists():
        sys.stderr.write(f"{site} has no index.html: build the site first (make docs).\n")
        return 1
    found = broken(site)
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
