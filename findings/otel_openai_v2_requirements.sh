#!/bin/sh
# opentelemetry-instrumentation-openai-v2 2.4b0, installed with its extra `instruments` and what pip
# chooses for it: openai 3.57.0 and opentelemetry-util-genai 1.3b0, both within what it asks for
# (openai>=1.26.0, opentelemetry-util-genai>=0.4b0.dev).
#
# Expected: it can be imported, since its requirements are met.
# Happens: ModuleNotFoundError twice over. It imports httpx, which it does not require and which
# openai no longer brings along; with httpx added, it imports a module that opentelemetry-util-genai
# no longer has. With opentelemetry-util-genai 0.4b0 and httpx it works.
# Exits 0 while it is so, 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip install --quiet"
$pip 'opentelemetry-instrumentation-openai-v2[instruments]==2.4b0' openai==3.57.0 \
	opentelemetry-util-genai==1.3b0
tried() {
	"$folder/venv/bin/python" -c 'import opentelemetry.instrumentation.openai_v2' 2>&1 | tail -n 1
}
first=$(tried)
$pip httpx==0.28.1
second=$(tried)
$pip opentelemetry-util-genai==0.4b0
third=$(tried)
printf '%s\n' "as required: $first" "with httpx: $second" "with the older util: ${third:-imported}"
test "$first" = "ModuleNotFoundError: No module named 'httpx'"
test "$second" = "ModuleNotFoundError: No module named 'opentelemetry.util.genai.instruments'"
test -z "$third"
