#!/usr/bin/env bash
# How much the page weighs and how soon it can be used.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the page's weight"
exec node "$here/weight.mjs"
