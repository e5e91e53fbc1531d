// Logging in, and the token that is renewed before it ends.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Session } from '../../../adapters/web/page/session.js';

const calls = [];
let answer = {};
globalThis.fetch = async (path, options) => {
	calls.push({ path, ...options });
	const { status = 200, body = {} } = answer;
	return { ok: status < 400, status, json: async () => body };
};
const good = (token, expires_in = 600) => ({ body: { token, expires_in, person: { id: 'p', name: 'ann' } } });

test('code__in_a_link_a_fragment_or_alone__is_found', () => {
	const code = 'abcDEF-_0123456789abcd';
	for (const text of [code, ` ${code}\n`, `#login=${code}`, `http://127.0.0.1:8300/#login=${code}`, `x?a=1&login=${code}`, `http://127.0.0.1:8300/#mail=${code}`]) assert.equal(Session.code(text), code);
	for (const text of ['', 'hello', '#login=', '#/t/1', 'a b c d e f g h i j k l m', `login=${'x'.repeat(5)}`]) assert.equal(Session.code(text), null);
});

test('token__while_it_lives__is_not_asked_for_again', async () => {
	const s = new Session();
	answer = good('one');
	await s.logIn('c'.repeat(22));
	assert.equal(s.person.name, 'ann');
	calls.length = 0;
	assert.equal(await s.fresh(), 'one');
	assert.equal(calls.length, 0);
	answer = good('two', 30); // ends within the margin: renewed at every use
	assert.equal(await s.fresh(true), 'two');
	answer = good('three');
	assert.equal(await s.fresh(), 'three');
	assert.deepEqual(calls.map((c) => c.path), ['/api/refresh', '/api/refresh']);
	assert.equal(calls[0].headers['x-eddy'], '1');
	assert.equal(calls[0].credentials, 'same-origin');
});

test('refusal__is_told_from_trouble', async () => {
	const s = new Session();
	for (const [status, denied] of [[401, true], [403, true], [429, false], [503, false]]) {
		answer = { status };
		await assert.rejects(() => s.fresh(true), (e) => e.status === status && e.denied === denied);
	}
});
