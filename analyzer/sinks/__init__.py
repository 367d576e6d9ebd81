"""Where alerts go: each sink in a file of its own, each fed by a lane of its own.

Members: :class:`~analyzer.sinks.slack.SlackSink`, :class:`~analyzer.sinks.console.ConsoleSink`.
What every one of them promises is told in :class:`Sink`. A new sink is one file, one line in
:mod:`analyzer.wiring` and one line in its contract suite.
"""

from analyzer.sinks.protocol import Sink

__all__ = ["Sink"]
