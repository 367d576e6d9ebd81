"""Fields of an event that several signals need: of each group, any one is enough."""

from __future__ import annotations

ADDRESS = ("client_ip", "ip_prefix")
TEMPLATE = ("prompt_template_id", "prompt_text")
PROMPT = ("prompt_hash", "prompt_text")
