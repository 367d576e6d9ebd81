"""Streaming usage-pattern analyzer for coordinated model extraction."""

__version__ = "0.2.0"
