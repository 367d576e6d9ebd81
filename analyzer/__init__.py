"""Streaming usage-pattern analyzer for coordinated model extraction."""

