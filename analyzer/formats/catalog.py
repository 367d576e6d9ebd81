"""The one list of raw formats. A new format is one file and one line here."""

from __future__ import annotations

import importlib

from analyzer.formats.protocol import Format

CLASSES: tuple[str, ...] = (
    "native:Native",
    "cloudevents:CloudEvents",
    "otlp_json:OtlpJson",
    "litellm:LiteLlm",
    "bedrock:Bedrock",
    "azure_apim:AzureApim",
    "kong:Kong",
    "apisix:Apisix",
    "envoy:Envoy",
)
"""``module:class`` in this room, in the order in which they are asked: those whose records can be
mistaken come last."""


def _class_of(line: str) -> type[Format]:
    module, _, name = line.partition(":")
    found: type[Format] = getattr(importlib.import_module(f"analyzer.formats.{module}"), name)
    return found


FORMATS: tuple[type[Format], ...] = tuple(map(_class_of, CLASSES))
NAMES: tuple[str, ...] = ("auto", *(kind.name for kind in FORMATS))
"""What settings and ``--format`` take; ``auto`` finds out record by record."""
