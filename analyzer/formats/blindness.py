"""Which signals see nothing where a field of the contract is missing."""

from __future__ import annotations

from collections.abc import Iterable

_ADDRESS = ("client_ip", "ip_prefix")
_TEMPLATE = ("prompt_template_id", "prompt_text")
_PROMPT = ("prompt_hash", "prompt_text")

NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "balance": (),
    "entanglement": (_ADDRESS,),
    "private_blocks": (_ADDRESS,),
    "rotation": (_ADDRESS,),
    "client_homogeneity": (("user_agent", "tls_ja4"),),
    "creation_scan": (("account_created_ms",),),
    "payment_sharing": (("payment_ref",),),
    "first_seen": (),
    "hand_over": (),
    "synchrony": (),
    "pivot": (),
    "narrowness": (_TEMPLATE,),
    "co_templates": (_TEMPLATE,),
    "work_queue": (_TEMPLATE, _PROMPT),
    "output_length": (),
    "params_homogeneity": (("temperature", "top_p", "max_tokens", "n", "logprobs"),),
    "one_block": (_ADDRESS,),
    "popular": (),
    "many_templates": (_TEMPLATE,),
    "repeated_items": (_TEMPLATE, _PROMPT),
}
"""Signal → what it needs beside the required fields: of each group, at least one field."""

READ = sorted(
    {field for groups in NEEDS.values() for group in groups for field in group} | {"org_id"}
)
"""Optional fields that the analysis reads."""


def blind(lost: Iterable[str]) -> list[str]:
    """Signals that see nothing if these fields are missing, in the order of the catalogue.

    Examples
    --------
    >>> blind({"user_agent", "tls_ja4", "payment_ref"})
    ['client_homogeneity', 'payment_sharing']
    """
    gone = set(lost)
    return [
        name for name, groups in NEEDS.items() if any(gone.issuperset(group) for group in groups)
    ]
