#!/usr/bin/env bash
# docs/openapi.json is what OpenAPI says it should be.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 20 "the API's document against a linter"
exec node "$here/openapi.mjs"
