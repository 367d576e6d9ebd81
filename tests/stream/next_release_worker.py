"""A worker of the release after this one: what it writes has the next versions.

Run as ``python next_release_worker.py VERSIONS``, where VERSIONS is ``states``, or ``blocks`` for
those of blocks beside; settings come from the environment, as for the real one. Whatever else a
release may change, this is how its workers are told from those of its predecessor.
"""

from __future__ import annotations

import sys

from analyzer import settings
from analyzer.core.account import step as account
from analyzer.core.campaign import step as campaign
from analyzer.core.cohort import step as cohort
from analyzer.core.contracts import blocks
from analyzer.errors import AnalyzerError
from analyzer.release import release
from analyzer.stream.owners.catalog import owner_maker
from analyzer.stream.run import work


def become(versions: str) -> None:
    """Make this process one of the next release."""
    name = f"{release()}.next"
    vars(settings)["release"] = lambda: name  # as if the code were another
    for step in (account, cohort, campaign):
        vars(step)["STATE_VERSION"] += 1
    if versions == "blocks":
        vars(blocks)["FORMAT"] += 1


if __name__ == "__main__":
    become(sys.argv[1])
    try:
        work(settings.Settings.load(), owner_maker)
    except AnalyzerError as error:  # as the command line does
        sys.exit(str(error))
