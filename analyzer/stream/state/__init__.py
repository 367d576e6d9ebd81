"""Snapshots of a shard in a compacted topic, and how they are cut into pages."""
