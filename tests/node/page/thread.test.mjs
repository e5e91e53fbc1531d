// What a page knows of a conversation, frame by frame.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Thread } from '../../../adapters/web/page/thread.js';

const thread = 'T';
const person = { kind: 'person', name: 'ann' };
const eddy = { kind: 'eddy', name: 'Eddy' };
const message = (seq, more) => ({ type: 'message', thread, rev: seq, seq, message: `m${seq}`, run: null, author: person, key: null, at: seq, text: `text ${seq}`, ...more });
const outbox = (client_id, state, frame = { type: 'send', thread, text: 'hi' }) => ({ type: 'local.outbox', item: { client_id, state, at: 1, frame } });
const shown = (t) => t.items().map((i) => i.key);

test('message__said_here__keeps_its_place_from_sending_to_stored', () => {
	const t = new Thread(thread);
	t.apply(outbox('c1', 'sending'));
	assert.deepEqual(shown(t), ['k:c1']);
	t.apply(outbox('c1', 'sent'));
	assert.deepEqual(shown(t), ['k:c1']);
	t.apply(message(1, { key: 'c1' }));
	assert.deepEqual(shown(t), ['k:c1']);
	assert.equal(t.items()[0].kind, 'message');
	t.apply(outbox('c1', 'sent'));
	assert.equal(t.items().length, 1);
});

test('message__failed_and_given_up__leaves', () => {
	const t = new Thread(thread);
	t.apply(outbox('c1', 'failed'));
	assert.equal(t.items()[0].l.state, 'failed');
	t.apply(outbox('c1', 'dropped'));
	assert.ok(t.empty);
});

test('messages__out_of_order__stand_by_seq', () => {
	const t = new Thread(thread);
	for (const n of [2, 3, 1]) t.apply(message(n));
	assert.deepEqual(t.messages.map((m) => m.seq), [1, 2, 3]);
});

test('answer__that_grew__becomes_the_message_in_its_place', () => {
	const t = new Thread(thread);
	t.apply(message(1));
	t.apply({ type: 'run', thread, run: 'r', state: 'running' });
	t.apply({ type: 'tool', thread, run: 'r', step: 1, title: 'Searched', state: 'done' });
	t.apply({ type: 'blocks', thread, run: 'r', attempt: 1, from: 0, blocks: [{ t: 'p', c: ['a'] }], final: 0 });
	assert.ok(t.busy);
	const stamp = t.items()[1].stamp;
	assert.equal(t.items()[1].key, 'r:r');
	t.apply(message(2, { run: 'r', author: eddy }));
	assert.deepEqual(shown(t), ['m:m1', 'r:r']);
	assert.ok(t.items()[1].stamp > stamp);
	assert.equal(t.items()[1].m.tools.size, 1);
	t.apply({ type: 'run', thread, run: 'r', state: 'answered' });
	assert.ok(!t.busy);
});

test('blocks__from_a_place__replace_what_follows_and_a_gap_is_ignored', () => {
	const t = new Thread(thread);
	const p = (s) => ({ t: 'p', c: [s] });
	const grow = (from, blocks, attempt = 1) => t.apply({ type: 'blocks', thread, run: 'r', attempt, from, blocks, final: from });
	grow(0, [p('a'), p('b')]);
	const first = t.open.get('r').blocks[0];
	grow(1, [p('b2'), p('c')]);
	assert.deepEqual(t.open.get('r').blocks, [p('a'), p('b2'), p('c')]);
	assert.equal(t.open.get('r').blocks[0], first);
	assert.equal(grow(9, [p('lost')]), '');
	grow(0, [p('anew')], 2);
	assert.deepEqual(t.open.get('r').blocks, [p('anew')]);
	t.apply({ type: 'stream.reset', thread, run: 'r', attempt: 3 });
	assert.equal(t.open.get('r').blocks, null);
});

test('answer__stopped__stays_where_it_was_when_more_is_said', () => {
	const t = new Thread(thread);
	t.apply(message(1));
	t.apply({ type: 'delta', thread, run: 'r', attempt: 1, offset: 0, text: 'half' });
	t.apply({ type: 'run', thread, run: 'r', state: 'stopped' });
	assert.ok(!t.busy);
	t.apply(message(2));
	assert.deepEqual(shown(t), ['m:m1', 'r:r', 'm:m2']);
});

test('answer__abandoned_with_nothing_to_show__leaves', () => {
	const t = new Thread(thread);
	t.apply({ type: 'run', thread, run: 'r', state: 'queued' });
	assert.ok(t.busy);
	t.apply({ type: 'run', thread, run: 'r', state: 'abandoned' });
	assert.ok(t.empty);
});

test('message__deleted_or_edited__changes_in_place', () => {
	const t = new Thread(thread);
	t.apply(message(1, { blocks: [{ t: 'p', c: ['old'] }] }));
	t.apply({ ...message(1), type: 'edited', rev: 2, text: 'new' });
	assert.equal(t.messages[0].text, 'new');
	assert.equal(t.messages[0].blocks, undefined);
	t.apply({ ...message(1), type: 'deleted', rev: 3, text: '' });
	assert.ok(t.messages[0].deleted);
	assert.equal(t.messages.length, 1);
});

test('change__that_says_little__leaves_whose_message_it_is', () => {
	const t = new Thread(thread);
	t.apply(message(1, { key: 'k' }));
	t.apply({ ...message(1), type: 'edited', rev: 2, at: 99, text: 'new', author: { kind: 'person', name: '' } });
	assert.deepEqual(shown(t), ['k:k']);
	assert.equal(t.messages[0].author.name, 'ann');
	assert.equal(t.messages[0].at, 1);
});

test('edit__under_way__shows_until_it_is_stored', () => {
	const t = new Thread(thread);
	t.apply(message(1, { key: 'k' }));
	t.apply(outbox('c9', 'sending', { type: 'edit', thread, key: 'k', text: 'better' }));
	assert.equal(t.messages[0].pending.text, 'better');
	t.apply(outbox('c9', 'failed', { type: 'edit', thread, key: 'k', text: 'better' }));
	assert.equal(t.messages[0].pending.state, 'failed');
	t.apply(outbox('c9', 'dropped', { type: 'edit', thread, key: 'k', text: 'better' }));
	assert.equal(t.messages[0].pending, null);
});

test('components__before_their_message__wait_for_it', () => {
	const t = new Thread(thread);
	t.apply({ type: 'components', thread, run: 'r', message: 'm1', components: [{ kind: 'button' }] });
	t.apply(message(1));
	assert.equal(t.messages[0].components.length, 1);
	t.apply({ type: 'components', thread, run: 'r', message: 'm1', components: [] });
	assert.deepEqual(t.messages[0].components, []);
});

test('history__of_the_server_is_another__is_forgotten_but_not_what_was_said_here', () => {
	const t = new Thread(thread);
	t.apply(message(1));
	t.apply(outbox('c1', 'sending'));
	t.apply({ type: 'local.reset', thread });
	assert.deepEqual(shown(t), ['k:c1']);
});
