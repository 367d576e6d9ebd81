"""What the answer to a POST means for the alert that was posted.

=========================== ========================================================
answer                      what follows
=========================== ========================================================
2xx                         delivered; of Slack only with its ``ok``, else parked
408, 429, 5xx               again, after ``Retry-After`` or with growing pauses, for as
                            long as it takes: the alerts wait, and their order is kept
any other (401, 403, 404,   the address or its key is wrong, whatever is posted: the
410, 3xx, 405, …), and 400  alerts are parked, as with 5xx, and health says so
in words that the service
documents for that
any other 400, and 413,     this alert is given up loudly, the next one is tried: one
415, 422                    message that is refused must not hold back the rest
=========================== ========================================================
"""

from __future__ import annotations

import re

from analyzer.errors import AddressRefused, BadRecord, RetryLater

MAX_WAIT_S = 3_600.0
NOT_NOW = frozenset({408, 425, 429})
NEVER = frozenset({400, 413, 415, 422})


def raise_for(
    status: int,
    *,
    who: str,
    body: str = "",
    after: str | None = None,
    of_the_key: re.Pattern[str] | None = None,
) -> None:
    """Return if the alert was taken.

    Parameters
    ----------
    who
        Whose answer it is, for people.
    after
        The header ``Retry-After``.
    of_the_key
        Finds in a body that it is the address or its key that is refused. None for a service that
        may quote the alert in its answer: what a client wrote must not park anything.

    Raises
    ------
    RetryLater
        The other side is not able now.
    AddressRefused
        It is not able before somebody changes a setting.
    BadRecord
        It will never take this alert.
    """
    if 200 <= status < 300:
        return
    if status in NOT_NOW or status >= 500:
        raise RetryLater(f"{who} answers {status}", seconds(after))
    if status in NEVER and not (of_the_key and of_the_key.search(body)):
        raise BadRecord("refused", f"{who} answers {status} {body!r}")
    raise AddressRefused(f"{who} answers {status} {body!r}: its address or key is not valid")


def seconds(text: str | None) -> float | None:
    """Value of ``Retry-After``, if it is a number of seconds.

    Examples
    --------
    >>> seconds("7"), seconds("soon"), seconds(None)
    (7.0, None, None)
    """
    try:
        return None if text is None else min(max(0.0, float(text)), MAX_WAIT_S)
    except ValueError:
        return None
