"""One EDC and one participant of ours for all tests; each test has datasets of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import skip_or_fail
from tests.interop.edc.runtime import class_path
from tests.interop.edc.world import World, interop_world
from tests.support.maven import ProgramMissing


@pytest.fixture(scope="session")
def edc_jars() -> str:
    try:
        return class_path()
    except ProgramMissing as missing:
        skip_or_fail(f"the interoperation with EDC was not run: {missing}")
        raise


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(edc_jars: str, open_folder: Path) -> AsyncIterator[World]:
    folder = open_folder / "edc"
    folder.mkdir()
    async with interop_world(edc_jars, folder) as made:
        yield made
