"""What is built from the checkout: everything is in it, and its description has no dead links."""

import configparser
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import TIME_LIMIT

ROOT = Path(__file__).resolve().parent.parent
# made by work in the checkout, and no part of it
MADE = shutil.ignore_patterns(
    ".*_cache", ".git", ".hypothesis", ".venv", "*.egg-info", "__pycache__", "build", "dist", "runs"
)


@pytest.mark.slow
def test_the_source_distribution_holds_every_file(tmp_path):
    pytest.importorskip("setuptools")
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=MADE)
    files = {str(p.relative_to(checkout)) for p in checkout.rglob("*") if p.is_file()}
    build = "from setuptools.build_meta import build_sdist; print(build_sdist('..'))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build],
        cwd=checkout, capture_output=True, text=True, timeout=TIME_LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.split()[-1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert not files - held


def test_the_description_has_no_link_that_only_the_checkout_has():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    text = (ROOT / setup["metadata"]["long_description"].removeprefix("file: ")).read_text()
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert targets and all(target.startswith("https://") for target in targets)
    assert not {"author", "author_email", "maintainer", "url"} & set(setup["metadata"])
