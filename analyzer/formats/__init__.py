"""Raw formats in: the logs of gateways as records of ``llm.request.v1``.

What every format promises is told in :class:`~analyzer.formats.protocol.Format`. A new one is
one file and one line in :mod:`analyzer.formats.catalog`; CONTRIBUTING.md has the recipe. The
contract suite in ``tests/formats`` finds it by itself.
"""
