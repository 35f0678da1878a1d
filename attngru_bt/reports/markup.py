"""What a page is put together from: its frame and style, panels, tables, pictures, settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from attngru_bt.reports import charts
from attngru_bt.reports.plain import plain

logger = logging.getLogger(__name__)

STYLE = """
:root{--ink:#22262c;--soft:#5d6673;--line:#e2e5ea;--card:#fff;--back:#f5f6f8;--accent:#1f5fbf}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);line-height:1.5;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:1.7rem;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:38px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:.95rem;margin:0 0 8px;font-weight:600}
p{margin:6px 0}
.soft{color:var(--soft);font-size:.9rem}
.badge{display:inline-block;padding:2px 10px;border-radius:11px;font-size:.8rem;font-weight:600;
 background:#e4efe8;color:#20613c}
.badge.open{background:#f6ecd9;color:#7c5312}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px;margin:20px 0}
.card,figure,.panel{background:var(--card);border:1px solid var(--line);border-radius:8px}
.card{padding:12px 16px}
.card b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.82rem}
figure{margin:0;padding:14px 14px 8px}
figcaption{color:var(--soft);font-size:.82rem;margin-top:4px}
figure img{display:block;width:100%;height:auto}
.grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px}
.all{grid-column:1/-1}.tall{grid-row:span 2}
.panel{padding:6px 16px 12px;overflow-x:auto}
.panel h3{margin-top:10px}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px 5px 0;text-align:right;border-bottom:1px solid var(--line);
 white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal}
thead th{color:var(--soft);font-weight:600;font-size:.82rem;white-space:normal;
 vertical-align:bottom}
tr.head td{font-weight:600;padding-top:14px;border-bottom:1px solid #c9ced6}
td.text{text-align:left;white-space:normal;overflow-wrap:anywhere;color:var(--soft)}
ul{padding-left:20px;margin:6px 0}
footer{margin-top:40px;color:var(--soft);font-size:.82rem}
@media(max-width:720px){main{padding:18px 12px 40px}.grid{grid-template-columns:minmax(0,1fr)}
 .tall{grid-row:auto}h1{font-size:1.35rem}.wide{overflow-x:auto}.wide img{min-width:560px}
 table{font-size:.82rem}
 th:first-child,td:first-child{min-width:8em}th{overflow-wrap:anywhere}
 th,td{padding-right:8px}.panel{padding:4px 10px 10px}}
@media print{body{background:#fff}figure,.panel{break-inside:avoid}}
"""

# What a browser may do with a page: use the style and the pictures in it, load and run nothing
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)

FOOTER = (
    "<footer>Made by attngru_bt. Results of a backtest: past and hypothetical, without market "
    "impact.</footer>"
)


def document(heading: str, parts: Iterable[str], style: str = "") -> str:
    """Return a whole page: nothing in it is loaded from elsewhere.

    Parameters
    ----------
    heading : str
        Title of the window.
    parts : iterable of str
        The body; empty parts are left out.
    style : str, default=""
        CSS after that of all pages.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n"
        "<main>\n" + "\n".join(part for part in parts if part) + "\n</main>\n</body>\n</html>\n"
    )


def figure(
    draw: Callable[[Any], None],
    title: str,
    caption: str,
    *,
    size: tuple[float, float],
    wide: bool = False,
) -> str:
    """Return a picture under its title; a wide one takes the whole row of a grid.

    One that cannot be drawn is replaced by a sentence, and warned of: hours of computing are not
    lost for want of a picture.

    Parameters
    ----------
    draw : callable
        Draws on the Axes it is given.
    title, caption : str
        Above and below the picture; no caption: "".
    size : (float, float)
        Width and height in inches.
    wide : bool, default=False
    """
    try:
        picture = f'<img alt="{escape(title)}" src="{charts.png(draw, size)}">'
    except Exception as error:  # of libraries that draw, and whatever a user's names do to them
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        text = f"{title!r} could not be drawn ({reason})"
        logger.warning("%s; the page is written without it.", text)
        logger.debug("where it failed", exc_info=True)
        picture = f"<p class=soft>{escape(text)}.</p>"
    return (
        f'<figure class="{"all wide" if wide else ""}"><h3>{escape(title)}</h3>{picture}'
        + (f"<figcaption>{escape(caption)}</figcaption>" if caption else "")
        + "</figure>"
    )


def panel(title: str, content: str, note: str = "", *, kind: str = "") -> str:
    """Return markup in a box with a title, a note below; `kind` holds further CSS classes."""
    below = f"<p class=soft>{escape(note)}</p>" if note else ""
    kind = f"panel {kind}".strip()
    return f'<div class="{kind}"><h3>{escape(title)}</h3>{content}{below}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows of texts as a table; without a head if its names are all empty."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head) if any(head) else ""
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    thead = f"<thead><tr>{top}</tr></thead>" if top else ""
    return f"<table>{thead}<tbody>{lines}</tbody></table>"


def settings_table(values: Mapping[str, Any]) -> str:
    """Return settings as a table of name and value, nested ones as outer.inner; "" if none."""
    rows = "".join(
        f"<tr><td>{escape(str(key))}</td><td class=text>{escape(_shown(value))}</td></tr>"
        for key, value in _flat(values)
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else ""


def grid(parts: Sequence[str]) -> str:
    """Return parts side by side, two in a row; empty ones are left out."""
    return '<div class="grid">\n' + "\n".join(part for part in parts if part) + "\n</div>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    shown = plain(value)
    if isinstance(shown, Mapping):
        inner = ", ".join(f"{k}={_shown(v)}" for k, v in shown.items() if k != "class")
        name = str(shown["class"]).rsplit(".", 1)[-1] if "class" in shown else ""
        return f"{name}({inner})"
    if isinstance(shown, list):
        return ", ".join(map(_shown, shown)) or "none"
    return str(shown)
