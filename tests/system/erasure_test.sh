#!/usr/bin/env bash
# An operator erases somebody, with the real program and its private cluster; then a backup from before is put back: what was erased stands in no
# row and no file afterwards, also when the restore was killed before it could see to that.
set -u
cd "$(dirname "$0")/../.." || exit 2
name=erasure
# shellcheck source=tests/system/own_daemon.sh
. tests/system/own_daemon.sh
thread=0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10

says() { timeout 180 "$eddy" chat --url "http://127.0.0.1:$(cat "$tmp/data/local-port")" --thread $thread "$1" >"$tmp/out" 2>&1 </dev/null; }
done_() { "$eddy" erase --receipt "$id" >"$tmp/out" 2>&1 && grep -q '  person, done$' "$tmp/out"; }

echo 1..9
[ -n "$pg_dump" ] || { echo "# no pg_dump"; exit 2; }
touch "$tmp/out" "$tmp/log"
serve && says "my secret is $word and nothing else" && says "remember: the door code is ${word}1"
result $? "somebody says something"
"$eddy" backup "$tmp/before.backup" >"$tmp/out" 2>&1 && grep -q '"kind":0' "$tmp/data/erasures.ledger"
result $? "a backup is made while it serves"
id=$("$eddy" erase web:local 2>"$tmp/out" </dev/null)
[ ${#id} = 36 ] && comes 60 done_ && grep -q 'asked for by *the operator' "$tmp/out" && grep -q 'messages *[1-9]' "$tmp/out"
result $? "an operator erases the person, and there is a receipt"
! grep -q "$word" "$tmp/data/erasures.ledger" && grep -q "\"kind\":3.*$id" "$tmp/data/erasures.ledger" && "$eddy" doctor >"$tmp/out" 2>&1
grep -q 'erasure *the ledger has .* since the last backup' "$tmp/out"
result $? "the ledger outside the database has it, and doctor says so"
comes 60 none
ok=$?
planted >"$tmp/out"
result $ok "nothing is left in the dump, the data folder and the log"
stop
"$eddy" restore --replace "$tmp/before.backup" >"$tmp/out" 2>&1 && grep -q 'erased again what was erased since the backup: ' "$tmp/out"
result $? "a backup from before is put back, and what was erased is erased again"
serve && says "hello" && comes 60 none
ok=$?
planted >>"$tmp/out"
result $ok "nothing is left once it serves"
"$eddy" audit verify >"$tmp/out" 2>&1
result $? "the audit log is whole"
stop

# The restore is killed before it comes to the erasures: the ledger is put away meanwhile, so that it has nothing to do.
mv "$tmp/data/erasures.ledger" "$tmp/ledger"
"$eddy" restore --replace "$tmp/before.backup" >"$tmp/out" 2>&1
mv "$tmp/ledger" "$tmp/data/erasures.ledger"
serve && comes 60 none
ok=$?
planted >>"$tmp/out"
grep -q '"event":"erase.again".*"result":"ok"' "$tmp/log" && grep -n 'erase.again\|serve.ready' "$tmp/log" | tail -2 | head -1 | grep -q 'erase.again' || ok=1
result $ok "a start finds a database that is older than the ledger, and erases before it serves"
