"""``schemas/asyncapi.yaml`` is valid AsyncAPI and names every topic that others may touch."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.settings import Settings
from analyzer.settings_tables import Shadow
from analyzer.stream.topics.catalog import wanted

VENDOR = Path(__file__).parent / "vendor" / "asyncapi-3.1.0.json"
INTERNAL = ("account", "cohort", "campaign", "snapshots")


@pytest.fixture(scope="module")
def document(schemas: Path) -> Any:
    """The document."""
    return yaml.safe_load((schemas / "asyncapi.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def official() -> Any:
    """Validator of the official schema."""
    import jsonschema

    return jsonschema.Draft7Validator(json.loads(VENDOR.read_text("utf-8")))


def test_it_validates(document: Any, official: Any) -> None:
    """By the schema that AsyncAPI publishes, which refuses a broken copy."""
    assert [error.message for error in official.iter_errors(document)] == []
    broken = copy.deepcopy(document)
    broken["operations"]["sendAlerts"]["action"] = "shout"
    assert not official.is_valid(broken)


def test_every_public_topic_is_there(document: Any) -> None:
    """The topics of the settings, except the internal ones."""
    names = Settings(broker=None).topics.model_dump()
    public = {name for key, name in names.items() if isinstance(name, str) and key not in INTERNAL}
    assert {channel["address"] for channel in document["channels"].values()} == public


def test_clean_up_is_what_is_created(document: Any) -> None:
    """Compaction, retention and size as ``--create-topics`` makes them."""
    made = {topic.name: topic.config for topic in wanted(Settings(shadow=Shadow(fdr=0.2)))}
    for channel in document["channels"].values():
        config = channel["bindings"]["kafka"]["topicConfiguration"]
        found = {"cleanup.policy": ",".join(config["cleanup.policy"])}
        for name in ("retention.ms", "max.message.bytes"):
            if name in config:
                found[name] = str(config[name])
        assert found == made[channel["address"]]


def test_every_reference_resolves(document: Any, schemas: Path) -> None:
    """Inside the document and to the schema files beside it."""
    for target in _references(document):
        if target.startswith("#/"):
            place = document
            for step in target[2:].split("/"):
                place = place[step]
        else:
            assert (schemas / target).is_file(), target


def test_every_message_has_its_schema_and_key(document: Any, contracts: dict[str, Any]) -> None:
    """One message for each contract, with the Kafka key told."""
    messages = document["components"]["messages"].values()
    assert {message["name"] for message in messages} == set(contracts)
    for message in messages:
        assert message["payload"]["schema"]["$ref"] == f"./{message['name']}.json"
        assert message["bindings"]["kafka"]["key"]["description"]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _references(value)]
    return []
