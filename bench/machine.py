"""What the figures were measured on."""

import os
import platform
from pathlib import Path
from typing import Any

import psutil
import psycopg

from connector.demo.space import DataSpace


def machine(space: DataSpace) -> dict[str, Any]:
    """Processor, memory, and the versions that matter; `durable` lists PostgreSQL's own word on what a commit means."""
    with psycopg.connect(space.server.admin_url) as admin:
        return {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
            "python": platform.python_version(),
            "postgres": _setting(admin, "server_version"),
            "durable": {name: _setting(admin, name) for name in ("fsync", "synchronous_commit", "full_page_writes")},
        }


def _setting(admin: psycopg.Connection[Any], name: str) -> str:
    row = admin.execute("select current_setting(%s)", [name]).fetchone()
    return "" if row is None else str(row[0])


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
