"""Every generated page says what the code says now."""

import subprocess
import sys

import pytest

from tests.support.documents import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*_page.py"))


def run(script, *options: str):
    """The finished process of a script."""
    command = [sys.executable, str(script), *options]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_generated_page_is_current(name):
    finished = run(ROOT / "scripts" / name, "--check")
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "page", "lost"),
    [
        ("errors_page.py", "errors.md", "| `offer_not_valid` |"),
        ("settings_page.py", "settings.md", "| `TIDEGATE_IDENTITY__CLOCK_SKEW_SECONDS` |"),
    ],
)
def test_a_page_that_lacks_a_line_is_noticed_and_made_whole_again(tmp_path, name, page, lost):
    script, copy = tmp_path / "scripts" / name, tmp_path / "docs/reference" / page
    for path, original in ((script, ROOT / "scripts" / name), (copy, ROOT / "docs/reference" / page)):
        path.parent.mkdir(parents=True)
        path.write_text(original.read_text())
    whole = copy.read_text()
    spoilt = "".join(line for line in whole.splitlines(keepends=True) if lost not in line)
    assert spoilt != whole
    copy.write_text(spoilt)
    noticed = run(script, "--check")
    assert noticed.returncode == 1
    assert f"is not current: run scripts/{name}" in noticed.stderr
    assert copy.read_text() == spoilt, "--check must write nothing"
    assert run(script).returncode == 0
    assert copy.read_text() == whole
