"""The whole way of an event on one page.

::

    raw bytes ─► IngestStep ─► AccountStep ─► CohortStep ─► CampaignStep ─► alerts, campaigns,
                 one per       one per        one per       one              members
                 source        account shard  cohort shard

Three shells run these steps: the live worker (each arrow is a Kafka topic), replay and
tests (each arrow is a function call, this module). What a step is given, it is given in
blocks that say which range of which source they cover (:mod:`analyzer.core.blocks`).
"""

from __future__ import annotations
