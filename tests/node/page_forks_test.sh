#!/usr/bin/env bash
# Side threads, resolutions and search on the page.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "side threads on the page"
exec node "$here/forks.mjs"
