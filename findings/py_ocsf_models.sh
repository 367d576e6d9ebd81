#!/bin/sh
# py-ocsf-models 0.10.0, which labels its events OCSF 1.5.0, drops what it does not model and does
# not look at type_uid: a Detection Finding loses the address in its evidences, and one whose
# type_uid contradicts its class and activity passes.
#
# Expected: the address of evidences[].src_endpoint.ip is still there after a round trip (the class
# has it), and type_uid 200499 with class 2004 and activity 1 is refused
# (OCSF: type_uid = class_uid * 100 + activity_id).
# Happens: neither.
# Exits 0 while it is so, 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet py-ocsf-models==0.10.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from py_ocsf_models.events.findings.detection_finding import DetectionFinding

finding = {
    "activity_id": 1,
    "category_uid": 2,
    "class_uid": 2004,
    "type_uid": 200401,
    "time": 1772409600,
    "severity_id": 3,
    "message": "an address is in the evidences",
    "status_id": 1,
    "metadata": {
        "version": "1.5.0",
        "product": {"name": "x", "vendor_name": "x", "version": "1"},
    },
    "finding_info": {"uid": "1", "title": "x", "types": ["x"]},
    "evidences": [{"src_endpoint": {"ip": "203.0.113.7"}}],
}
named = "203.0.113.7" in DetectionFinding.model_validate(finding).model_dump_json()
try:
    contradictory = DetectionFinding.model_validate(finding | {"type_uid": 200499})
except ValueError:
    contradictory = None
print(f"py-ocsf-models {version('py-ocsf-models')}: the address is kept: {named}; "
      f"a contradictory type_uid passes: {contradictory is not None}")
sys.exit(0 if not named and contradictory is not None else 1)
PYTHON
