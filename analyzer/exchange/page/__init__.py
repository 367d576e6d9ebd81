"""The page of a report: data, style and script in one file that asks nothing of any network.

All text from outside is data: it stands in a JSON block in which no tag can begin or end, and the
script puts it in place as text, never as markup. A policy in the page lets run no script but the
one that is written here.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

_SAFE = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026",
         "\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029"}  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {policy}">
<title>Replay report</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main id="page"><noscript>This page needs its script to draw.</noscript></main>
<script type="application/json" id="figures">{figures}</script>
<script>{script}</script>
</body>
</html>
"""


def page_of(figures: bytes) -> bytes:
    """The page that shows these figures.

    Parameters
    ----------
    figures
        JSON.
    """
    for raw, safe in _SAFE.items():
        figures = figures.replace(raw, safe)
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    policy = (
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _PAGE.format(policy=policy, style=style, script=script, figures="\0")
    return page.encode().replace(b"\0", figures, 1)


def _asset(name: str) -> str:
    return (files(__name__) / name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
