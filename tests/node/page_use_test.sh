#!/usr/bin/env bash
# What the page does for a person, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the page in use"
exec node "$here/use.mjs"
