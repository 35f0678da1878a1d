"""How `make docs` makes the site: Markdown and notebooks as they are, the reference of docstrings.

The source is the repository itself, so that a link holds there and in the site alike.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import latex2mathml.converter
from docutils import nodes

import attngru_bt

# numpydoc reads signatures before `_params` has been asked.
warnings.filterwarnings("ignore", "Unknown section Params", UserWarning)

project = "attngru_bt"
author = "the attngru_bt contributors"
release = version = attngru_bt.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc", "myst_nb"]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "examples/README.md",
    "examples/notebooks/*.ipynb",
    "benchmarks/README.md",
    "CHANGELOG.md",
]
exclude_patterns = ["docs/description.md", "build", "dist", "runs", ".*", "**/.*"]

# In docstrings `name` is a link where it names something of the package, and code elsewhere.
default_role = "py:obj"
autodoc_typehints = "none"  # types are in the parameters' descriptions
autodoc_member_order = "bysource"
# What scikit-learn adds to its estimators for metadata routing, its own documentation explains.
# `lines` is what backtrader adds to its classes.
ROUTING = ("fit", "partial_fit", "predict", "score", "transform", "inverse_transform")
autodoc_default_options = {
    "members": True,
    "exclude-members": ",".join(
        ["lines", "get_metadata_routing", *(f"set_{name}_request" for name in ROUTING)]
    ),
}
numpydoc_show_class_members = False
add_module_names = False

myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "attngru_bt"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
# pages whose tables need the room
WIDE = [
    "docs/commands", "docs/comparison", "docs/models", "docs/parameters", "docs/presets",
    "docs/results", "docs/signal",
]  # fmt: skip
html_sidebars = {"docs/comparison": []}
html_theme_options: dict[str, Any] = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], **dict.fromkeys(WIDE, [])},
    "footer_start": [],
    "footer_center": [],
    "footer_end": ["theme-version"],
}


def _by_last_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Link a name that is written without its room, where only one object has that name."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"].removeprefix("attngru_bt.")
    python = env.get_domain("py")
    ends = [full for full in python.objects if full == name or full.endswith(f".{name}")]
    found = {full for full in ends if not python.objects[full].aliased}
    if len(found) != 1:
        return None
    return python.resolve_xref(env, node["refdoc"], app.builder, "obj", found.pop(), node, content)


def _params(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Call a strategy's params Parameters, the only word for them that numpydoc knows."""
    if "Params" in lines:
        at = lines.index("Params")
        lines[at : at + 2] = ["Parameters", "----------"]


def _front(app: Any, error: Exception | None) -> None:
    """Lead from the folder of the site to its first page."""
    if error is None and app.builder.name == "html":
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">'
        Path(app.outdir, "index.html").write_text(
            f'{page}<title>attngru_bt</title><a href="docs/index.html">attngru_bt</a>\n',
            encoding="utf-8",
        )


def _formula(self: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers show by themselves: no script, no network."""
    latex, block = node.astext(), isinstance(node, nodes.math_block)
    if block and ("&" in latex or "\\\\" in latex) and "\\begin" not in latex:
        latex = f"\\begin{{split}}{latex}\\end{{split}}"
    formula = latex2mathml.converter.convert(latex, display="block" if block else "inline")
    self.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _quiet_kernels() -> Any:
    """Have the notebooks' kernels report errors alone; one that uses TCP warns of it each time."""
    folder = tempfile.TemporaryDirectory(prefix="ipython")
    profile = Path(folder.name, "profile_default")
    profile.mkdir()
    settings = "c = get_config()\nc.IPKernelApp.log_level = 40\n"
    (profile / "ipython_kernel_config.py").write_text(settings, encoding="utf-8")
    os.environ["IPYTHONDIR"] = folder.name
    return folder  # which goes when nobody holds it any more


def setup(app: Any) -> None:
    """Register them; strategies' params before numpydoc reads the docstring, hence the 400."""
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.connect("autodoc-process-docstring", _params, priority=400)
    app.connect("missing-reference", _by_last_name)
    app.connect("build-finished", _front)
    app.ipython_folder = _quiet_kernels()
