// A client that others have written, driven by docs/openapi.json alone: every procedure against the real daemon, and every answer against the document.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import { OpenAPIClientAxios } from 'openapi-client-axios';
import { Rig, root } from './lib/rig.mjs';
import { run } from './lib/tap.mjs';

const definition = JSON.parse(fs.readFileSync(`${root}/docs/openapi.json`, 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
const operations = Object.values(definition.paths).map((p) => p.post);
const answers = new Map(operations.map((o) => [o.operationId, ajv.compile(o.responses[200].content['application/json'].schema)]));
const problem = ajv.compile(definition.components.schemas.Problem);
const called = new Map();
let rig, client;

/* Calls ${name} and holds what comes back against the document. */
async function call(name, args = {}, headers = {}) {
	const r = await client[name](headers, args);
	const fits = r.status === 200 ? answers.get(name) : problem;
	assert.ok(fits(r.data), `${name}: ${JSON.stringify(r.data)}: ${ajv.errorsText(fits.errors)}`);
	assert.match(r.headers['content-type'], r.status === 200 ? /^application\/json/ : /^application\/problem\+json/, name);
	assert.ok(r.status < 500 || r.data.code === 'unavailable', `${name}: ${JSON.stringify(r.data)}`);
	if (r.status !== 200) assert.equal(r.data.status, r.status);
	called.set(name, Math.min(called.get(name) ?? 999, r.status));
	return r;
}

async function good(name, args, headers) {
	const r = await call(name, args, headers);
	assert.equal(r.status, 200, `${name}: ${JSON.stringify(r.data)}`);
	return r.data;
}

const tests = {
	async client__is_made__from_the_document() {
		for (const { operationId } of operations) assert.equal(typeof client[operationId], 'function', operationId);
		const me = await good('session.get');
		assert.equal(me.role, 'owner');
	},

	async stranger__is_told__to_log_in() {
		const other = await new OpenAPIClientAxios({ definition, axiosConfigDefaults: { baseURL: rig.url, validateStatus: () => true, headers: { Authorization: 'Bearer nonsense' } } }).init();
		const r = await other['session.get']({}, {});
		assert.equal(r.status, 401);
		assert.ok(problem(r.data));
		assert.equal(r.headers['www-authenticate'], 'Bearer');
	},

	async team__is_made_used_and_given_up__through_the_client() {
		const made = await good('org.create', { name: 'Payments', slug: 'payments' }, { 'Idempotency-Key': 'make-payments' });
		const again = await call('org.create', { name: 'Payments', slug: 'payments' }, { 'Idempotency-Key': 'make-payments' });
		assert.deepEqual(again.data, made);
		assert.equal(again.headers['idempotency-replayed'], 'true');
		const other = await call('org.create', { name: 'Another' }, { 'Idempotency-Key': 'make-payments' });
		assert.equal(other.data.code, 'idempotency_key_reused');
		const key = await good('key.issue', { name: 'bot', role: 'viewer', scopes: ['talk:read'], team: 'payments' });
		assert.equal((await good('key.list', { team: 'payments' })).keys.length, 1);
		assert.equal((await good('org.list')).teams.length, 2);
		await good('config.set', { team: 'payments', set: { 'forks.max_active': 3 } });
		assert.equal((await good('config.get', { team: 'payments' })).doc !== undefined, true);
		await good('config.history', { team: 'payments' });
		await good('route.put', { team: 'payments', kind: 'service', value: 'ledger' });
		assert.equal((await good('route.list', { team: 'payments' })).routes.length, 1);
		const bot = await new OpenAPIClientAxios({ definition, axiosConfigDefaults: { baseURL: rig.url, validateStatus: () => true, headers: { Authorization: `Bearer ${key.key}` } } }).init();
		assert.equal((await bot['thread.list']({}, { team: 'payments' })).status, 200);
		assert.equal((await bot['member.put']({}, { team: 'payments', person: 'x', role: 'owner' })).data.code, 'forbidden');
		await good('key.revoke', { id: key.id, team: 'payments' });
		assert.equal((await bot['thread.list']({}, { team: 'payments' })).data.code, 'unauthenticated');
	},

	async terminal__with_a_key__does_it_once() {
		const once = () => rig.eddy('call', 'org.create', 'name=Once', '--idempotency-key', 'set-up-1');
		const first = JSON.parse(await once());
		assert.deepEqual(JSON.parse(await once()), first);
		assert.equal((await good('org.list')).teams.filter((t) => t.name === 'Once').length, 1);
		await assert.rejects(rig.eddy('call', 'org.create', 'name=Twice', '--idempotency-key', 'set-up-1'), /idempotency_key_reused, request /);
		await rig.eddy('call', 'org.create', 'name=Every');
		await assert.rejects(rig.eddy('call', 'org.list', '--idempotency-key', 'x'), /changes nothing/);
	},

	async lists__are_paged__to_their_end() {
		for (let i = 0; i < 5; i++) await good('org.create', { name: `Team ${i}` });
		const seen = [];
		let cursor;
		do {
			const page = await good('org.list', cursor ? { limit: 2, cursor } : { limit: 2 });
			assert.ok(page.teams.length <= 2);
			seen.push(...page.teams.map((t) => t.id));
			cursor = page.cursor;
		} while (cursor && seen.length < 50);
		assert.equal(new Set(seen).size, seen.length);
		assert.deepEqual(seen, (await good('org.list')).teams.map((t) => t.id));
		for (const name of operations.map((o) => o.operationId).filter((n) => n.endsWith('.list') && !['message.list'].includes(n))) {
			const r = await call(name, { cursor: 'nonsense' });
			assert.ok(r.status === 400 ? r.data.field === 'cursor' : r.data.code === 'unavailable', `${name}: ${JSON.stringify(r.data)}`);
		}
	},

	/* What was not called above is called with its example: what comes of it depends on what is there, but never what is in no document. */
	async every_procedure__answers__what_is_promised() {
		for (const o of operations) {
			if (called.has(o.operationId)) continue;
			const args = structuredClone(o.requestBody.content['application/json'].example ?? {});
			delete args.team;
			await call(o.operationId, args);
		}
		for (const o of operations) {
			const r = await call(o.operationId, { nonsense: 1 });
			assert.equal(r.data.code, 'invalid', `${o.operationId} takes what nobody knows`);
		}
		const fine = [...called].filter(([, status]) => status === 200).length;
		console.log(`# ${operations.length} procedures, ${fine} of them went well`);
		assert.equal(called.size, operations.length);
		assert.ok(fine >= 25, [...called].map(([n, s]) => `${n} ${s}`).join(', '));
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open({ env: { EDDY_WEB_API_RATE: '1000' } });
		rig.url = `http://127.0.0.1:${rig.port}`;
		client = await new OpenAPIClientAxios({
			definition,
			axiosConfigDefaults: { baseURL: rig.url, validateStatus: () => true, headers: { Authorization: `Bearer ${rig.localToken()}`, 'Content-Type': 'application/json' } },
		}).init();
	},
	after: () => rig?.close(),
});
