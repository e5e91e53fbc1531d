#!/usr/bin/env bash
# docs/asyncapi.yaml and the real server say the same.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 18 "the websocket's document against the real server"
exec node "$here/asyncapi.mjs"
