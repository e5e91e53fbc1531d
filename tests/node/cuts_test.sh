#!/usr/bin/env bash
# The page's protocol client against the real daemon, over cuts and restarts.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 18 "cuts and restarts during streams"
exec node "$here/cuts.mjs"
