"""A folder with a broken file, and terms that nobody could decide: named, and nothing else is lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connector.demo.space import ApiError, DataSpace
from tests.acceptance import steps

pytestmark = pytest.mark.timeout(600)

UNKNOWN_OPERAND = {
    "permission": [
        {"action": "use", "constraint": [{"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}]}
    ]
}


@pytest.fixture
def folder(tmp_path: Path, sfincs_run: Path) -> Path:
    """Two good files, one that was cut off, one that never was one."""
    good = sfincs_run / "precip_2d.nc"
    shutil.copyfile(good, tmp_path / "good.nc")
    shutil.copyfile(sfincs_run / "sfincs_map.nc", tmp_path / "other.nc")
    (tmp_path / "cut-off.nc").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "never.nc").write_bytes(b"CDF? no, a diary")
    return tmp_path


def test_a_broken_file_is_named_and_the_rest_is_published(space: DataSpace, folder: Path):
    answer = steps.publish(space, folder, crs="EPSG:32633")
    assert {problem["path"] for problem in answer["problems"]} == {"cut-off.nc", "never.nc"}
    assert all(problem["reason"] for problem in answer["problems"])
    published = {offering["id"] for offering in answer["published"]}
    assert published == {"good", "other"}
    assert published <= set(steps.catalogue(space))


def test_the_command_names_the_broken_file_and_ends_with_1(space: DataSpace, folder: Path):
    ended = command(space, "publish", str(folder), "--policy", "open", "--crs", "EPSG:32633", "--json")
    assert ended.returncode == 1, ended
    answer = json.loads(ended.stdout)
    assert {problem["path"] for problem in answer["problems"]} == {"cut-off.nc", "never.nc"}
    assert len(answer["published"]) == 2
    assert "cut-off.nc" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_operand_nobody_can_decide_is_refused_at_publish_and_named(space: DataSpace, folder: Path):
    before = set(steps.catalogue(space))
    with pytest.raises(ApiError, match="moonPhase") as refused:
        steps.publish(space, folder / "good.nc", UNKNOWN_OPERAND)
    assert "permission[0].constraint[0]" in refused.value.message
    assert set(steps.catalogue(space)) == before


def test_the_command_refuses_the_same_terms_with_2(space: DataSpace, folder: Path, tmp_path: Path):
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(UNKNOWN_OPERAND))
    ended = command(space, "publish", str(folder), "--policy", str(policy), "--yes")
    assert ended.returncode == 2, ended
    assert "moonPhase" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_link_out_of_the_folder_and_a_hidden_file_are_not_published(space: DataSpace, folder: Path):
    secret = folder.parent / "secret.nc"
    shutil.copyfile(folder / "good.nc", secret)
    (folder / "link.nc").symlink_to(secret)
    shutil.copyfile(folder / "good.nc", folder / ".hidden.nc")
    answer = steps.publish(space, folder, crs="EPSG:32633")
    secret.unlink()
    assert {skipped["path"] for skipped in answer["skipped"]} >= {"link.nc", ".hidden.nc"}
    assert {Path(offering["source"]).name for offering in answer["published"]} == {"good.nc", "other.nc"}


def command(space: DataSpace, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, at the provider."""
    tidegate = Path(sys.executable).with_name("tidegate")
    environment = {**os.environ, "TIDEGATE_HOME": str(space["provider"].home)}
    return subprocess.run([tidegate, *words], env=environment, capture_output=True, text=True, timeout=180, check=False)
