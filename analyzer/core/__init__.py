"""The four steps of the analyzer as pure functions over columns.

State in, columns in; state and columns out. No clock, no I/O, no Faust, no asyncio.
The same events give the same bytes, whatever the batching, the partitions or the workers.
Start reading at :mod:`analyzer.core.pipeline`.
"""
