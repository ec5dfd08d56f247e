"""The import contracts of pyproject.toml hold, and each of them catches a planted offence."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
PACKAGES = ("policies", "catalog", "connector")

# Contract, file, what is written there, and what the report says.
PLANTED = {
    "policies import the connector": (
        "down-only",
        "policies/planted.py",
        "import connector.errors\n",
        "policies is not allowed to import connector",
    ),
    "the catalogue imports the connector": (
        "down-only",
        "catalog/planted.py",
        "from connector import errors\n",
        "catalog is not allowed to import connector",
    ),
    "the protocol imports the database": (
        "inside-the-connector",
        "connector/protocol/planted.py",
        "import connector.db\n",
        "connector.protocol is not allowed to import connector.db",
    ),
    "a transfer imports a negotiation": (
        "inside-the-connector",
        "connector/transfer/planted.py",
        "import connector.negotiation\n",
        "connector.transfer is not allowed to import connector.negotiation",
    ),
    "a package that has no layer": (
        "inside-the-connector",
        "connector/helpers/__init__.py",
        "",
        "connector.helpers",
    ),
    "the protocol opens sockets": (
        "pure",
        "connector/protocol/planted.py",
        "import socket\n",
        "connector.protocol is not allowed to import socket",
    ),
    "policies look at the clock": (
        "pure",
        "policies/planted.py",
        "import time\n",
        "policies is not allowed to import time",
    ),
    "two modules import each other": (
        "no-cycles",
        "policies/planted.py",
        "import policies.planted_too\n",
        "policies",
    ),
}


def lint_imports(folder, arguments=()):
    """The finished lint-imports on the project in `folder`."""
    command = [str(TOOLS / "lint-imports"), "--no-logo", "--no-cache", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the three packages and the settings of the tools."""
    folder = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def plant(project):
    """Writes files into the copied project, and takes them out afterwards."""
    written = []

    def write(name, text):
        path = project / name
        existed = path.parent.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        written.append(path if existed else path.parent)

    yield write
    for path in written:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_every_import_contract_holds():
    finished = lint_imports(ROOT)
    assert finished.returncode == 0, finished.stdout
    assert "4 kept, 0 broken" in finished.stdout


@pytest.mark.parametrize("offence", PLANTED)
def test_a_planted_import_is_caught(project, plant, offence):
    contract, name, text, report = PLANTED[offence]
    plant(name, text)
    if contract == "no-cycles":
        plant("policies/planted_too.py", "import policies.planted\n")
    finished = lint_imports(project, ["--contract", contract])
    assert finished.returncode == 1
    assert report in " ".join(finished.stdout.split())
    assert "planted" in finished.stdout or "helpers" in finished.stdout


@pytest.mark.parametrize("package", ["policies", "catalog", "connector/protocol"])
@pytest.mark.parametrize("line", ["import time", "import random", "import os", "from pathlib import Path"])
def test_a_banned_name_is_caught_by_ruff_in_a_pure_package(project, plant, package, line):
    plant(f"{package}/planted.py", f"{line}\n")
    command = [str(TOOLS / "ruff"), "check", "--no-cache", "--select", "TID251", f"{package}/planted.py"]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "TID251" in finished.stdout
    assert "pure packages" in finished.stdout
