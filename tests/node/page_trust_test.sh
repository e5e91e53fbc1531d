#!/usr/bin/env bash
# Nothing that a page is told runs, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "hostile texts on the page"
exec node "$here/trust.mjs"
