"""Measures speed and size of a data space on this machine: `python -m bench`, `make bench`. One JSON object.

Every participant is a process of its own, PostgreSQL is the embedded one with fsync on, identity and policy are on.
Nothing here is a test: it says how long things took, never whether that is good.
"""
