"""Raw formats in: the logs of gateways as records of ``llm.request.v1``.

What every format promises is told in :class:`~analyzer.formats.protocol.Format`. A new one is
one file, one line in :mod:`analyzer.formats.catalog`, and a pair of files in ``tests/formats``;
the contract suite there finds it by itself.
"""
