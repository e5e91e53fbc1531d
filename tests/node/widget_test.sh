#!/usr/bin/env bash
# The widget on somebody's page, in a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "the widget on a page"
exec node "$here/widget.mjs"
