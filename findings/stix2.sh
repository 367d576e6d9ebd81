#!/bin/sh
# stix2 3.0.2 builds objects that STIX 2.1 forbids, and that OASIS' own validator 3.3.2 refuses:
# a confidence of 101 (section 3.2: 0 to 100) and a campaign modified before it was created
# (section 3.2: modified must be later than or equal to created).
#
# Expected: an error when the object is made, as for other values that are out of range.
# Happens: both are made without a word; only the validator says so.
# Exits 0 while it is so, 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet stix2==3.0.2 stix2-validator==3.3.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import stix2
from stix2validator import ValidationOptions, validate_string

early, late = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
made = {
    "confidence of 101": stix2.Campaign(name="x", confidence=101),
    "modified before created": stix2.Campaign(name="x", created=late, modified=early),
}
same = True
for what, campaign in made.items():
    result = validate_string(campaign.serialize(), ValidationOptions(version="2.1"))
    print(f"stix2 {stix2.__version__} makes a campaign with {what}; valid: {result.is_valid}")
    same &= not result.is_valid
sys.exit(0 if same else 1)
PYTHON
