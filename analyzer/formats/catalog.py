"""The list of raw formats: a new one is a file and a line here."""

from __future__ import annotations

from typing import Literal

from analyzer.formats.apisix import Apisix
from analyzer.formats.azure_apim import AzureApim
from analyzer.formats.bedrock import Bedrock
from analyzer.formats.cloudevents import CloudEvents
from analyzer.formats.envoy import Envoy
from analyzer.formats.kong import Kong
from analyzer.formats.litellm import LiteLlm
from analyzer.formats.native import Native
from analyzer.formats.otlp_json import OtlpJson
from analyzer.formats.protocol import Format

FORMATS: tuple[type[Format], ...] = (
    Native,
    CloudEvents,
    OtlpJson,
    LiteLlm,
    Bedrock,
    AzureApim,
    Kong,
    Apisix,
    Envoy,
)
"""In the order in which they are asked: those whose records can be mistaken come last."""

FormatName = Literal[
    "auto",
    "native",
    "litellm",
    "otlp-json",
    "kong",
    "apisix",
    "envoy",
    "bedrock",
    "azure-apim",
    "cloudevents",
]
"""What settings and ``--format`` take; ``auto`` finds out record by record."""
