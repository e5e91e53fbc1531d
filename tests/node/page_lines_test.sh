#!/usr/bin/env bash
# The page on bad lines, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the page on bad lines"
exec node "$here/lines.mjs"
