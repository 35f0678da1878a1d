"""What the templates write, whatever the run."""

import re
from importlib.resources import files

import pytest

from attngru_bt.reports import html

TEMPLATES = [
    file
    for file in (files("attngru_bt.reports") / "templates").iterdir()
    if file.name.endswith(".html")
]
# jinja takes the end of a line that ends in a block, and with it the space between two sentences
RUN_TOGETHER = re.compile(r"[.;:,\w]\{% \w[^%]*%\}\n[^\s{<]")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_two_sentences_run_together(file):
    found = RUN_TOGETHER.search(file.read_text(encoding="utf-8"))
    assert found is None, found


def test_that_two_sentences_run_together_is_seen():
    assert RUN_TOGETHER.search("{% if limits %}Limits are of the day.{% endif %}\nThe cash")


def test_a_long_setting_is_broken_after_its_bracket():
    assert html.breakable("Trees(depth=<3>, f(x))") == "Trees(<wbr>depth=&lt;3&gt;, f(<wbr>x))"
