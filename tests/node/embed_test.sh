#!/usr/bin/env bash
# The examples of docs/embedding.md, as files, in a real browser against the real daemon.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
packages 20 "embedding the widget"
exec node "$here/embed.mjs"
