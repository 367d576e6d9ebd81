"""The live adapter: a Faust app that runs the four steps over Kafka topics.

With one cohort shard, the last two steps are one agent (:class:`analyzer.core.pipeline.Judging`).

Contract: the answer depends on the events alone. Whatever is killed, nothing is lost and
nothing is counted twice, because every block says which range of which source it covers,
and because a step's state and the offset it goes on from are saved as one.
"""

from __future__ import annotations

__all__: list[str] = []
