#!/usr/bin/env bash
# Forgetting somebody, with the real program and its private cluster: words are planted in everything that a person can write, things are made
# from them, and after `forget me` they stand neither in a dump of the database nor in any file of the data folder nor in the log.
set -u
cd "$(dirname "$0")/../.." || exit 2
name=forget
# shellcheck source=tests/system/own_daemon.sh
. tests/system/own_daemon.sh
export EDDY_LOG_LEVEL=debug
first=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10
second=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a11

says() { # thread, words: the answer in out
	timeout 180 "$eddy" chat --url "http://127.0.0.1:$(cat "$tmp/data/local-port")" --thread "$1" "$2" >"$tmp/out" 2>&1 </dev/null
}

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
