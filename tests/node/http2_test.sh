#!/usr/bin/env bash
# A model behind HTTPS that speaks HTTP/2: node's own server.
set -u
here=$(cd "$(dirname "$0")" && pwd)
skip() {
	echo "1..1"
	echo "ok 1 - a model over HTTP/2 # SKIP $1"
	exit 0
}
command -v node >/dev/null || skip "no node"
[ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] || skip "node is older than 18"
command -v openssl >/dev/null || skip "no openssl"
exec node "$here/http2.mjs"
