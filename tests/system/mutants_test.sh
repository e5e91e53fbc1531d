#!/usr/bin/env bash
# shellcheck disable=SC2317 # its functions are called by xargs
# Each rule of authority that is not one of the numbered ones in SQL is taken out, one after the other, and a test has to notice: a changed copy of the source is compiled and linked into that test
# before the library that has the real one.  A migration travels in the program too, so a changed one is taken out in the same way.  The numbered rules in SQL are mutated by
# tests/core/talk/authority_test.c and tests/core/agents/approvals_test.c.
# EDDY_TEST_MUTANTS: a word of those that are wanted.
# Each line: the rule | the source | what stands there | what stands there instead | the test that has to fail | its cases that are run (a pattern; none: all, to see which would do).
# Copies are compiled without optimizing, and only one case is run for each: it has to fail by what it finds, not by waiting for what does not come.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
build=${EDDY_BUILD:-build}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/eddy-mutants.XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT

list() {
	cat <<'END'
filter: a link's host is one that was named|core/talk/spoken.c|if (l == NULL \|\| l->all|if (true \|\| l->all|core/talk/spoken|spoken__each_case__*
filter: a quoted line vouches for nothing|core/talk/spoken.c|trusted && !quoted|trusted|core/talk/spoken|spoken__each_case__*
filter: an image becomes a link|core/talk/spoken.c|s[i] == '!' && is_image(s + i, n - i)|false|core/talk/spoken|spoken__each_case__*
filter: nobody is called|core/talk/spoken.c|(s[i] == '<' \|\| (s[i] == '@' && begins))|(false)|core/talk/spoken|spoken__each_case__*
filter: tokens of known issuers are left out|core/talk/spoken.c|(len = token_at(s + i, n - i)) > 0|(len = 0) > 0|core/talk/spoken|spoken__each_case__*
filter: secrets of the settings are left out|core/talk/spoken.c|len >= SECRET_MIN && len <= n|false|core/talk/spoken|spoken__each_case__*
filter: sealed secrets are left out|core/talk/spoken.c|return never_at(o->never, s, n);|return 0;|core/engine/attacks_carried|answer: a sealed secret
filter: of a sealed secret also with marks between its letters|core/talk/spoken.c|(!has_given(o, s, n) && has_given(o, out->p, out->len))|false|core/engine/attacks_carried|answer: a sealed secret with marks*
filter: sealed secrets are those of now|core/engine/hush.c|x->generation == config_cache_generation(e->configs)|true|core/engine/attacks_carried|answer:*
filter: what commands bring into other threads|core/engine/ask.c|speak_whole(a->e, a->r->ws, s->text, s->text_len, &text)|buf_add(&text, s->text, s->text_len)|core/engine/attacks_carried|accepted resolution: everybody called
filter: what opens a side thread|core/engine/ask_forks.c|	speak_over(a->e, a->r->ws, &o->text);|	;|core/engine/attacks_carried|side thread: everybody called
filter: the notice of a hand-over|core/engine/relay_line.c|	speak_over(r->e, r->ws, text);|	;|core/engine/attacks_carried|hand-over notice: everybody called
filter: what is passed on|core/engine/relay_line.c|	speak_over(r->e, r->ws, &b);|	;|core/engine/attacks_carried|passed to people: everybody called
filter: answers of commands|core/engine/run.c|		speak_over(r->e, r->ws, &r->answer);|		;|core/engine/attacks_carried|search: everybody called
filter: private keys are left out|core/talk/spoken.c|bool private = find(o->head, o->head_len, "PRIVATE") != NULL|bool private = false|core/talk/spoken|spoken__each_case__*
after reading: asked again when the answer is stored|core/engine/finish.c|coalesce(may_still_say($2, $3::uuid[]), false)|coalesce(true OR may_still_say($2, $3::uuid[]), false)|core/engine/readers|answer__source_closed_meanwhile__*
own account: only words of the asker's own|core/engine/track.c|if (n > 0 && !has_word(said, p, n))|if (false)|core/engine/tracker|words__of_others__*
own account: nothing once another's question has joined|core/engine/track.c|PQntuples(rows) > 0|PQntuples(rows) > 1000|core/engine/tracker|question__of_another_that_joins__*
own account: the host is the operator's|core/agents/tool_tracker.c|if (strcmp(hosts[i], host) == 0)|if (true)|core/engine/tracker|credential__is_sealed*
own account: never another's token|core/engine/track.c|AND p.id IN (SELECT same_user($2))|AND $2::uuid IS NOT NULL|core/engine/tracker|credential__of_a_linked*
widget: only HS256|adapters/web/identity.c|if (strcmp(json_str(head, "alg", ""), "HS256") != 0)|if (false)|adapters/web/identity|algorithms__*
widget: the signature is ours|adapters/web/identity.c|CRYPTO_memcmp(ours, mac, SHA256_DIGEST_LENGTH) == 0|true|adapters/web/identity|forged__*
widget: a key has its length|adapters/web/identity.c|strlen(key) >= IDENTITY_KEY_MIN|true|adapters/web/identity|keys__*
widget: the audience is ours|adapters/web/identity.c|if (!is_for(json_object_get(claims, "aud"), r->audience))|if (r->audience == NULL)|adapters/web/identity|audience__*
widget: a token ends|adapters/web/identity.c|if (now >= exp + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity|times__*
widget: a token does not live long|adapters/web/identity.c|exp - iat > IDENTITY_LIFE_S|false|adapters/web/identity|times__*
widget: a token is not from the future|adapters/web/identity.c|if (iat > now + IDENTITY_LEEWAY_S)|if (false)|adapters/web/identity|times__*
widget: guest and member are all the roles|adapters/web/identity.c|strcmp(role, "guest") != 0 && strcmp(role, "member") != 0|false|adapters/web/identity|claims__*
widget: a named token belongs to one tab|adapters/web/identity.c|CRYPTO_memcmp(x->shown, shown, sizeof shown) == 0 ? ERR_NONE : ERR_DENIED|ERR_NONE|adapters/web/identity|use__*
page: an origin has to be allowed|adapters/web/guard.c|return rest != NULL && host != NULL|return true \|\| host == NULL|adapters/web/guard|origin__*
API: the role at the node|core/api/api.c|if (role < p->role)|if (false)|core/api/roles|people__of_every_role__*
API: the scope of a key|core/api/api.c|if ((c->by->scopes & p->scope) != p->scope)|if (false)|core/api/roles|keys__with*
API: who has no role there finds nothing|core/api/api.c|(e == ERR_NONE && role == ROLE_NONE)|(false)|core/api/roles|people__of_every_role__*
key: the secret is the right one|core/people/keys.c|known && same ? ERR_NONE|known \|\| same ? ERR_NONE|core/people/keys|key__forged__*
log-in: a code works once|core/people/session.c|AND code_hash = $2 AND used_at IS NULL|AND code_hash = $2|core/people/session|code__used_once__*
log-in: a code ends|core/people/session.c|used_at IS NULL AND expires_at > now()|used_at IS NULL|core/people/session|code__after_ten_minutes__*
link: wrong codes are counted|core/people/links.c|n >= LINK_TRIES|n >= 1000000|core/people/links|code__guessed__*
END
}

# A line's fields, \x01 between them; "\|" is a bar.
fields() {
	sed 's/\\|/\x02/g; s/|/\x01/g; s/\x02/|/g'
}

# What `make` would run for all that is mutated and tested here, asked once.
ask_make() {
	local rule source from to test cases old=() targets=()
	while IFS=$'\x01' read -r rule source from to test cases; do
		case $source in
		*.sql) targets+=("$build/gen/embedded.o") old+=(-W "$source") ;;
		*) targets+=("$build/${source%.c}.o") old+=(-W "$source") ;;
		esac
		targets+=("$build/tests/${test}_test") old+=(-W "tests/${test}_test.c")
	done
	make -n "${old[@]}" "${targets[@]}" 2>/dev/null | sed 's/^echo "[^"]*"; *//' >"$tmp/commands"
}

# The command that makes $1.
command_for() {
	grep -F -- "-o $1 " "$tmp/commands" | tail -1
}

one() { # number, line
	local n=$1 rule source from to test cases
	IFS=$'\x01' read -r rule source from to test cases <<<"$(fields <<<"$2")"
	local program=$build/tests/${test}_test object=$build/${source%.c}.o dir=$tmp/$n mutant=$tmp/$n/mutant.c began=${EPOCHREALTIME/./}
	mkdir -p "$dir"
	[ "$source" = "${source%.sql}" ] || mutant=$dir/mutant.sql
	FROM=$from TO=$to perl -0pe 's/\Q$ENV{FROM}\E/$ENV{TO}/' "$source" >"$mutant"
	if cmp -s "$source" "$mutant"; then
		echo "not ok $n - $rule: \"$from\" does not stand in $source"
		return
	fi
	if [ "$mutant" != "$dir/mutant.c" ]; then
		sed "s|incbin \\\\\"$source\\\\\"|incbin \\\\\"$mutant\\\\\"|" "$build/gen/embedded.c" >"$dir/mutant.c"
		source=$build/gen/embedded.c object=$build/gen/embedded.o
	fi
	local compile link
	compile=$(command_for "$object")
	link=$(command_for "$program")
	compile=${compile/ -c / -Wno-error -w -O0 -g0 -iquote $(dirname "$source") -c }
	compile=${compile/"-o $object"/-o $dir/mutant.o}
	compile=${compile/%"$source"/$dir/mutant.c}
	link=${link/"-o $program "/-Wl,-S -o $dir/test }
	link=${link/" $build/tests/support.a"/ $dir/mutant.o $build/tests/support.a}
	if ! (eval "$compile" && eval "$link") >"$dir/log" 2>&1; then
		echo "not ok $n - $rule: the mutant is not C"
		sed 's/^/# /' "$dir/log" | head -20
	elif EDDY_TEST_ONLY=$cases timeout 300 "$dir/test" >"$dir/out" 2>&1; then
		if grep -q '^ok' "$dir/out"; then
			echo "not ok $n - $rule: $test${cases:+, $cases,} notices nothing"
		else
			echo "not ok $n - $rule: $test has no case ${cases:-at all}"
		fi
	elif grep -q '^not ok' "$dir/out"; then
		echo "ok $n - $rule: $(sed -n 's/^not ok [0-9]* - //p' "$dir/out" | paste -sd,) (after $(((${EPOCHREALTIME/./} - began) / 1000)) ms)"
	else
		echo "not ok $n - $rule: $test does not end well"
		tail -5 "$dir/out" | sed 's/^/# /'
	fi
	rm -rf "$dir"
}

if [ "$build" != build ]; then
	echo "1..0 # SKIP only the plain build is mutated"
	exit 0
fi
export -f one command_for fields
export build tmp
mapfile -t lines < <(list | grep -F -- "${EDDY_TEST_MUTANTS:-|}")
printf '%s\n' "${lines[@]}" | fields | ask_make
echo "1..${#lines[@]}"
for ((i = 0; i < ${#lines[@]}; i++)); do
	printf '%d\0%s\0' $((i + 1)) "${lines[i]}"
done | xargs -0 -n2 -P2 bash -c 'one "$@"' _ | tee "$tmp.out"
! grep -q '^not ok' "$tmp.out"
status=$?
rm -f "$tmp.out"
exit $status
