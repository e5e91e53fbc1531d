#!/usr/bin/env bash
# What doctor says of everything that the operator's guide names, and of a team with processes of its own, which a second daemon then is.
set -u
cd "$(dirname "$0")/../.." || exit 2
name=doctor
# shellcheck source=tests/system/own_daemon.sh
. tests/system/own_daemon.sh
own=''
also() {
	[ -z "$own" ] || { kill -TERM "$own" && wait "$own"; } 2>/dev/null
	finish
}
trap also EXIT
trap 'also; exit 130' INT TERM
says() { # name, words that doctor says, each on a line
	local bad=0 w
	"$eddy" doctor >"$tmp/out" 2>&1 </dev/null
	while IFS= read -r w; do
		grep -qE -- "$w" "$tmp/out" || { bad=1; echo "does not say: $w" >>"$tmp/out"; }
	done <<<"$2"
	result $bad "$1"
}
try() { "$eddy" "$@" >"$tmp/out" 2>&1 </dev/null || { result 1 "$*"; exit 1; }; }

serve
says "it looks at each part of the guide" "^ok   settings
^ok   database
^ok   budget
^ok   limits
^ok   keys
^ok   secrets
^ok   audit
^ok   erasure
^ok   retention
^ok   holds
^ok   roles +only this terminal owns the workspace: name somebody with eddy member put PERSON owner
^ok   web"

try member put web:local owner
try team create pay
says "it counts who is in charge" "^ok   roles +owners that were named: 1, admins: 0$"

try team set pay runtime.mode=dedicated
says "it says which team has no process of its own" "^BAD  runtime +pay has none of its own processes running: start one with runtime.team pay, or set runtime.mode shared"

# Another daemon at the same database, as on another machine: with its own folder and the same keys.
mkdir -m 700 "$tmp/own"
cp -p "$tmp"/data/master.keys "$tmp"/data/audit.key "$tmp/own/"
socket=$(sed -n 5p "$tmp/data/pg/postmaster.pid")
EDDY_DATABASE_URL="postgres://eddy_eddy@/eddy?host=${socket//\//%2F}" EDDY_DATA_DIR=$tmp/own EDDY_RUNTIME_TEAM=pay "$eddy" serve >>"$tmp/own.log" 2>&1 &
own=$!
served() { "$eddy" doctor 2>/dev/null | grep -qE "^ok   runtime +pay has a process of its own"; }
comes 15 served
result $? "and that it has one, once it runs"
cat "$tmp/own.log" >>"$tmp/log"
kill -KILL "$own"
wait "$own" 2>/dev/null
own=''
gone() { ! served; }
comes 15 gone
result $? "and that it has none again when that was killed"
echo "1..$n"
