#!/usr/bin/env bash
# The ways into the page, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the ways into the page"
exec node "$here/login.mjs"
