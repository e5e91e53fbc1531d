#!/usr/bin/env bash
# Forgetting somebody, with the real program and its private cluster: words are planted in everything that a person can write, things are made
# from them, and after `forget me` they stand neither in a dump of the database nor in any file of the data folder nor in the log.
set -u
cd "$(dirname "$0")/../.." || exit 2
eddy=$PWD/${EDDY_BUILD:-build}/eddy
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-forget.XXXXXX") || exit 2
chmod 755 "$tmp"
n=0
pid=''
stop() { # the daemon, and its cluster with it
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	wait "$pid"
	pid=''
}
finish() {
	stop
	rm -rf "$tmp"
}
trap finish EXIT
trap 'finish; exit 130' INT TERM
for v in $(compgen -e EDDY_) DATABASE_URL SLACK_APP_TOKEN SLACK_BOT_TOKEN ANTHROPIC_API_KEY OPENAI_API_KEY; do
	case $v in EDDY_TEST_* | EDDY_BUILD) ;; *) unset "$v" ;; esac
done
export EDDY_WEB_LISTEN=127.0.0.1:0 EDDY_DATA_DIR=$tmp/data HOME=$tmp EDDY_ENGINE_UPKEEP=1s EDDY_LOG_LEVEL=debug
first=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10
second=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a11
word=kanari$(od -An -N4 -tx4 /dev/urandom | tr -d ' ' | tr 0-9 g-p) # letters only: a word as others are
pg_dump=$(find /usr/lib/postgresql -path '*/bin/pg_dump' 2>/dev/null | sort -V | tail -1)

result() { # ok?, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/out"
		tail -20 "$tmp/log" | sed 's/^/# log: /'
	fi
}
serve() {
	rm -f "$tmp/data/local-port"
	"$eddy" serve >>"$tmp/log" 2>&1 &
	pid=$!
	local i
	for ((i = 0; i < 1200; i++)); do
		[ -s "$tmp/data/local-port" ] && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}
says() { # thread, words: the answer in out
	timeout 180 "$eddy" chat --url "http://127.0.0.1:$(cat "$tmp/data/local-port")" --thread "$1" "$2" >"$tmp/out" 2>&1 </dev/null
}
planted() { # files that hold the word, and rows of a dump, in text or in bytes
	grep -raliF "$word" "$tmp/data" "$tmp/log" 2>/dev/null
	local hex
	hex=$(printf '%s' "$word" | od -An -v -tx1 | tr -d ' \n')
	"$pg_dump" -h "$(sed -n 5p "$tmp/data/pg/postmaster.pid")" -U postgres eddy 2>>"$tmp/out" | grep -iE "$word|$hex" | cut -c1-200
}
comes() { # seconds, command: until it succeeds
	local i
	for ((i = 0; i < $1 * 5; i++)); do
		"${@:2}" && return 0
		sleep 0.2
	done
	return 1
}
none() { [ -z "$(planted)" ]; }

echo 1..14
[ -n "$pg_dump" ] || { echo "# no pg_dump"; exit 2; }
touch "$tmp/out" "$tmp/log"
serve
result $? "the program starts with a private cluster"
ok=0
for text in "my secret is $word and nothing else" "rename: the $word thread" "remember: the door code is ${word}1" "search $word" \
	"fork: which $word is it" "summarise" "who said $word?" "quote \"$word\" and name it"; do
	says $first "$text" || ok=1
done
says $second "another place for $word" || ok=1
says $second "pin that" || ok=1
says $second "what do you remember about $word" || ok=1
result $ok "words are planted, and things are made from them"
grep -q . <(planted)
result $? "they lie in the files and in the dump"
"$eddy" export web:local >"$tmp/out" && grep -q "$word" "$tmp/out" && grep -q '"identities"' "$tmp/out"
result $? "an operator can give a copy"
says $first "forget me" && grep -q "forget me yes" "$tmp/out"
result $? "forgetting is asked about first"
says $first "forget me yes" && grep -q "I have forgotten you. Erased: " "$tmp/out"
result $? "the receipt comes"
begun=$SECONDS
comes 60 none
ok=$?
took=$((SECONDS - begun))
planted >"$tmp/out"
result $ok "nothing is left in the dump, the data folder and the log, after $took s"
grep -q '"event":"store.purge".*"result":"ok"' "$tmp/log"
result $? "and the log says how long tables were locked: $(grep -o '"ms":[0-9]*,"longest_ms":[0-9]*' "$tmp/log" | tail -1)"
! "$eddy" export web:local >"$tmp/out" 2>&1 && grep -q "nobody is known by that name" "$tmp/out"
result $? "there is nobody to give a copy of"
says $first "what do you remember about me?" && ! grep -q "$word" "$tmp/out"
result $? "whoever writes now is somebody new"
stop
serve && says $second "hello"
none
ok=$?
planted >"$tmp/out"
result $ok "nor is it after a restart"

# Killed in the middle of it: the next process goes on.
begun() { [ "$(grep -c '"run.begin"' "$tmp/log")" -gt "$runs" ]; }
for pause in 0 0.05 0.2; do
	for i in 1 2 3; do
		says $second "again $word $i" || break
	done
	says $second "forget me" && grep -q "forget me yes" "$tmp/out"
	runs=$(grep -c '"run.begin"' "$tmp/log")
	timeout 180 "$eddy" chat --url "http://127.0.0.1:$(cat "$tmp/data/local-port")" --thread $second "forget me yes" >/dev/null 2>&1 </dev/null &
	client=$!
	comes 20 begun
	sleep $pause
	{
		kill -9 "$pid"
		kill "$client"
		wait
	} 2>/dev/null
	pid=''
	serve && comes 60 none
	ok=$?
	planted >"$tmp/out"
	result $ok "killed $pause s after it began: nothing is left once it runs again"
done
