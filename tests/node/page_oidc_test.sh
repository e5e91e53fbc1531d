#!/usr/bin/env bash
# Log-in by a service, with a real one (npm oidc-provider) and a real browser.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
browser "log-in by a service"
exec node "$here/oidc.mjs"
