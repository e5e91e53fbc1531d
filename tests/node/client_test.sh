#!/usr/bin/env bash
# What docs/openapi.json promises, kept for a client that others have written.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 20 "a client made from the API's document against the real server"
exec node "$here/client.mjs"
