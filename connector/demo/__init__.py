"""A data space of three participants on one machine, and the story of one exchange in it, with real data."""

from connector.demo.run import run_demo

__all__ = ["run_demo"]
