"""A comparison as one self-contained HTML page: pictures inside, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from itertools import groupby

from attngru_bt.compare import charts
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.tables import (
    Column,
    Line,
    columns2,
    columns3,
    lines2,
    lines3,
    notes,
    subject,
)
from attngru_bt.reports import charts as drawing
from attngru_bt.reports.markup import FOOTER, document, figure, grid, panel, settings_table, table
from attngru_bt.reports.tables import DASH, date

_STYLE = """
main{max-width:1320px}
.scroll{overflow-x:auto}
table.many{font-size:.85rem}
table.many th.group{text-align:center;border-bottom:1px solid var(--line);color:var(--ink);
 font-size:.78rem;padding:5px 4px}
table.many thead th{font-size:.76rem;overflow-wrap:normal}
table.many th.in,table.many td.in{background:#faf4e8}
table.many td,table.many th{padding:4px 6px;vertical-align:top}
table.many td:first-child,table.many th:first-child{min-width:11em;max-width:17em;padding-left:2px}
table.many .first{border-left:1px solid var(--line)}
table.many tr.beside td{color:var(--soft)}
table.many tr.rule td{border-top:2px solid #c9ced6}
.pm{display:block;color:var(--soft);font-size:.78em;line-height:1.1}
"""


def render(found: Comparison, title: str | None = None) -> str:
    """Build the page.

    Parameters
    ----------
    found : Comparison
    title : str, default=None
        Heading of the page.
    """
    heading = title or "Models compared"
    body = [_head(found, heading), _quality(found), _earned(found), _attention(found), _made(found)]
    return document(heading, body, _STYLE)


def _head(found: Comparison, heading: str) -> str:
    about = found.about
    period = f"{date(about['start'])} to {date(about['end'])}"
    return (
        f"<h1>{escape(heading)}</h1>\n"
        f'<p><span class="badge">Out-of-sample, {period}</span></p>\n'
        f"<p class=soft>{escape(subject(found))}. Walk-forward: at each month-end every model was "
        "fitted on the same earlier months whose outcome was known, scored the same stocks, and "
        "was traded in the month that followed. In-sample figures stand in columns of their own, "
        "marked as such.</p>"
    )


def _quality(found: Comparison) -> str:
    columns = columns2(found.about["topk"])
    shown = _wide_table(columns, lines2(found))
    pictures = [
        figure(partial(charts.buckets, found), "Return of the next month by score",
                "Out-of-sample, per cent a month above the mean of all scored stocks; a model that "
                "orders them is brown on the left and violet on the right.",
                size=(drawing.WIDE[0] + 1.6, 0.9 + 0.27 * len(found.buckets)), wide=True),
    ]  # fmt: skip
    return (
        "<h2>How good the scores are (the paper’s Table 2, extended)</h2>\n"
        f"<div class=panel><div class=scroll>{shown}</div>{_notes(notes(found)[:5])}</div>\n"
        f'<div class="grid" style="margin-top:14px">{"".join(pictures)}</div>'
    )


def _earned(found: Comparison) -> str:
    shown = _wide_table(columns3(found.about["topk"]), lines3(found))
    pictures = []
    scored = [n for n in found.table3.index if found.families[n] != "baseline"]
    groups = [(f, [n for n in scored if found.families[n] == f]) for f in ("network", "classic")]
    groups.append(("own", [n for n in scored if n not in groups[0][1] + groups[1][1]]))
    named = {"network": "networks", "classic": "classic models", "own": "own models"}
    for family, names in groups:
        if names:
            text = f"Cumulative return, {named[family]}"
            caption = (
                "Growth of 1 after costs, mean of the seeds as if the money were split among them; "
                "broken lines: baselines and index. The legend is in the order of the last day."
            )
            draw = partial(charts.growth, found, names=names)
            size = (drawing.WIDE[0] + 1.6, 4.4)
            pictures.append(figure(draw, text, caption, size=size, wide=True))
    height = 1.3 + 0.27 * len(found.table3)
    if found.table3["ir_low"].notna().any():
        pictures.append(
            figure(partial(charts.ratios, found), "Information ratio, 95% interval",
                    "Mean of the seeds’ bootstrap intervals. One that holds 0 is no evidence.",
                    size=(drawing.HALF[0], height))
        )  # fmt: skip
    pictures.append(
        figure(partial(charts.chance, found), "Chosen names and random names",
                "Both in a simple monthly account after the same costs, with as many changes; "
                "small dots: single seeds.", size=(drawing.HALF[0], height))
    )  # fmt: skip
    return (
        "<h2>What they earned (the paper’s Table 3, extended)</h2>\n"
        f"<div class=panel><div class=scroll>{shown}</div>{_notes(notes(found)[5:])}"
        f'</div>\n<div class="grid" style="margin-top:14px">{"".join(pictures)}</div>'
    )


def _attention(found: Comparison) -> str:
    parts = []
    for name, seen in found.attention.items():
        size = (drawing.HALF[0], 1.0 + 0.45 * seen.families.shape[1])
        text = f"Attention per family of factors: {found.titles[name]}"
        caption = (
            "Weights of the components times the squared loadings of their factors, summed by "
            "family; mean of the seeds. “Even”: the share if all components weighed the same."
        )
        draw = partial(charts.attention, seen)
        parts.append(figure(draw, text, caption, size=size))
        most = charts.departure(seen)
        caption = (
            "Share less the even share, in points of per cent: what attention adds. The largest "
            f"difference is {100 * most:.1f} points."
        )
        if most < charts.ALMOST_EVEN:
            caption += " These weights are almost even: attention chooses next to nothing here."
        draw = partial(charts.beyond_even, seen)
        parts.append(figure(draw, "More or less than even", caption, size=size))
        rows = [
            [str(factor), f"{row['share']:.2%}", f"{row['even']:.2%}"]
            for factor, row in seen.factors.iterrows()
        ]
        head = ["Factor", "Share of attention", "Even weights"]
        title = f"Factors with the largest share: {found.titles[name]}"
        parts.append(panel(title, table(head, rows), kind="all"))
    if not parts:
        return ""
    return "<h2>What attention looks at</h2>\n" + grid(parts)


def _made(found: Comparison) -> str:
    return f"<h2>Made with</h2>\n<div class=panel>{settings_table(found.about)}</div>\n{FOOTER}"


def _wide_table(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """Write a table under two rows of headings, without the columns in which nothing is known."""
    kept = [i for i in range(len(columns)) if any(line.cells[i].text != DASH for line in lines)]
    groups = [(g, list(part)) for g, part in groupby(kept, key=lambda i: columns[i].group)]
    begins = {part[0] for _, part in groups}

    def kind(i: int) -> str:
        names = ["first"] * (i in begins) + ["in"] * ("in-sample" in columns[i].group)
        return f' class="{" ".join(names)}"' if names else ""

    top = "".join(
        f'<th class="group first{" in" * ("in-sample" in name)}" colspan="{len(part)}">'
        f"{escape(name)}</th>"
        for name, part in groups
    )
    head = "".join(f"<th{kind(i)}>{escape(columns[i].heading)}</th>" for i in kept)
    body = []
    for before, line in zip([None, *lines], lines, strict=False):
        names = ["beside"] * line.beside
        names += ["rule"] * (line.beside and before is not None and not before.beside)
        cells = "".join(f"<td{kind(i)}>{_cell(line, i)}</td>" for i in kept)
        shown = f' class="{" ".join(names)}"' if names else ""
        body.append(f"<tr{shown}><td>{escape(line.name)}</td>{cells}</tr>")
    return (
        f'<table class="many"><thead><tr><th></th>{top}</tr><tr><th>Model</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def _cell(line: Line, i: int) -> str:
    cell = line.cells[i]
    spread = f' <span class="pm">± {escape(cell.spread)}</span>' if cell.spread else ""
    return escape(cell.text) + spread


def _notes(texts: Sequence[str]) -> str:
    return "<ul class=soft>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"
