// docs/asyncapi.yaml held against the real server, both ways: what the server sends fits the schema of its type, every type that the
// document names is seen, every example of a client's frame is taken, and whatever a schema requires the server requires too.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Parser } from '@asyncapi/parser';
import Ajv from 'ajv';
import yaml from 'js-yaml';
import WebSocket from 'ws';
import { Rig, root } from './lib/rig.mjs';
import { run, until } from './lib/tap.mjs';

const source = fs.readFileSync(`${root}/docs/asyncapi.yaml`, 'utf8');
const doc = yaml.load(source);
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema(doc, 'doc');
const side = (operation) => doc.operations[operation].messages.map((m) => m.$ref.split('/').at(-1));
const check = (key) => ajv.compile({ $ref: `doc#/components/messages/${key}/payload` });
const ours = Object.fromEntries(side('fromServer').map((key) => [doc.components.messages[key].name, check(key)]));
const theirs = side('fromClient').map((key) => ({ key, valid: check(key), ...doc.components.messages[key] }));
const thread = (n) => `11111111-2222-4333-8444-55555555555${n}`;
const seen = new Map(); // type → how many
let rig, serial = 0;

/** Every frame is checked as it comes. */
class Client {
	static async open({ features = [], hello = true } = {}) {
		const c = new Client();
		c.heard = [];
		c.faults = [];
		c.ws = new WebSocket(`ws://127.0.0.1:${rig.port}/`, 'eddy.v1');
		c.ws.on('message', (data) => c.#frame(JSON.parse(data)));
		c.ws.on('close', (code) => (c.closed = code));
		await new Promise((done, fail) => c.ws.once('open', done).once('error', fail));
		if (!hello) return c;
		c.say({ type: 'hello', token: rig.localToken(), features });
		await c.hear('welcome');
		return c;
	}

	#frame(f) {
		this.heard.push(f);
		seen.set(f.type, (seen.get(f.type) ?? 0) + 1);
		const valid = ours[f.type];
		if (!valid) this.faults.push(`${f.type} is not in the document`);
		else if (!valid(f)) this.faults.push(`${JSON.stringify(f).slice(0, 600)}: ${ajv.errorsText(valid.errors)}`);
	}

	say(frame) {
		this.ws.send(JSON.stringify(frame));
	}

	/** The first frame of that type (and more, if asked for) that was not heard before. */
	hear(type, fits = () => true) {
		return until(() => `${type} after ${this.heard.map((f) => f.type + (f.code ?? ''))}`, () => {
			const i = this.heard.findIndex((f) => f.type === type && fits(f));
			return i >= 0 && this.heard.splice(0, i + 1).at(-1);
		});
	}

	async ask(t, text) {
		const client_id = `q${++serial}`;
		this.say({ type: 'send', thread: t, client_id, text });
		return this.hear('message', (f) => f.author.kind === 'eddy');
	}

	end() {
		this.ws.terminate();
		assert.deepEqual(this.faults, []);
	}
}

const tests = {
	async document__is_valid__for_the_parser() {
		const { document, diagnostics } = await new Parser().parse(source);
		assert.deepEqual(diagnostics.filter((d) => d.severity <= 1).map((d) => `${d.message} at ${d.path.join('.')}`), []);
		assert.equal(document.version(), '3.0.0');
	},

	async document__names__each_message_once_in_one_direction() {
		const all = Object.keys(doc.components.messages).sort();
		assert.deepEqual([...side('fromClient'), ...side('fromServer')].sort(), all);
		assert.deepEqual(Object.keys(doc.channels.eddy.messages).sort(), all);
	},

	async document__names__what_the_server_takes_and_nothing_else() {
		const c = await Client.open();
		c.say({ type: 'nonsense' });
		const { message } = await c.hear('error');
		assert.deepEqual(message.replace('known types: ', '').split(', ').sort(), theirs.map((m) => m.name).sort());
		c.end();
	},

	async examples__fit__their_schemas() {
		for (const [key, m] of Object.entries(doc.components.messages)) {
			const valid = check(key);
			assert.ok(m.examples.length > 0, key);
			for (const { payload } of m.examples) assert.ok(valid(payload), `${JSON.stringify(payload)}: ${ajv.errorsText(valid.errors)}`);
		}
	},

	async frames__of_the_server__fit_their_schemas() {
		const plain = await Client.open();
		const page = await Client.open({ features: ['blocks', 'threads'] });
		for (const c of [plain, page]) {
			c.say({ type: 'subscribe', thread: thread(1) });
			await c.hear('subscribed');
			c.say({ type: 'ping', n: 1 });
			await c.hear('pong');
		}
		await rig.model.control('script', {
			match: '#1', pace_ms: 15, piece: 6,
			answer: '# A title\n\nText with *emphasis*, **strength**, ~~error~~, `code` and [a link](https://example.org/).\n\n- one\n- [x] two\n\n3. three\n\n'
				+ '> quoted\n\n```c\nint x;\n```\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n---\n\nThe end,  \nreally. #1\n',
		});
		plain.say({ type: 'send', thread: thread(1), client_id: 'a1', text: 'everything, please #1' });
		await plain.hear('accepted');
		await plain.hear('delta');
		const late = await Client.open({ features: ['blocks'] });
		late.say({ type: 'subscribe', thread: thread(1) });
		await late.hear('open');
		await page.hear('blocks');
		const answer = await plain.hear('message', (f) => f.author.kind === 'eddy');
		await late.hear('message', (f) => f.author.kind === 'eddy');
		const whole = await page.hear('message', (f) => f.author.kind === 'eddy');
		assert.deepEqual(whole.blocks.map((b) => b.t), ['h', 'p', 'ul', 'ol', 'quote', 'code', 'table', 'hr', 'p']);
		await page.hear('thread');

		await rig.model.control('script', { match: '#2', tool: 'search_messages', arguments: { query: 'everything' } });
		await plain.ask(thread(1), 'and look for it #2');
		await rig.model.control('script', { match: '#3', fault: 'cut', after: 20, pace_ms: 5, piece: 4, answer: 'half of it '.repeat(20) });
		await plain.ask(thread(1), 'once more #3');
		plain.say({ type: 'edit', thread: thread(1), client_id: 'e1', key: 'a1', text: 'everything!' });
		await page.hear('edited');
		plain.say({ type: 'delete', thread: thread(1), client_id: 'd1', key: 'a1' });
		await page.hear('deleted');
		plain.say({ type: 'typing', thread: thread(1) });
		await page.hear('typing');
		await rig.sql('UPDATE runs SET state = 5'); // as if they had failed: then something is offered
		late.say({ type: 'subscribe', thread: thread(1) });
		const { components } = await late.hear('components');
		assert.equal(components[0].action, 'run.retry');
		page.say({ type: 'act', thread: thread(1), client_id: 'g1', action: 'command', value: 'fork: which way?', about: answer.message });
		const fork = await page.hear('fork.created');
		assert.deepEqual(fork.fork, { of: thread(1), n: 1, state: 'active', about: answer.message });
		for (const [client_id, on, value, type] of [['g0', fork.thread, 'We decided to go left. #7', 'message'], ['g2', fork.thread, 'resolve'], ['g3', fork.thread, 'accept', 'fork.resolved'], ['g4', thread(1), 'fork: another way?', 'fork.created'], ['g5', thread(1), 'abandon #2', 'fork.abandoned'],
			['g6', thread(1), 'rename: Ways', 'thread.updated']]) {
			page.say({ type: 'subscribe', thread: on });
			page.say({ type: 'send', thread: on, client_id, text: value });
			if (type === 'message') await page.hear(type, (f) => f.text.includes('Answer to #7'));
			else if (type) await page.hear(type);
			else await page.hear('components', (f) => f.components.some((c) => c.action === 'fork.edit'));
		}
		page.say({ type: 'threads' });
		assert.equal((await page.hear('threads')).items.length, 3);
		page.say({ type: 'threads', which: 'open', of: thread(1) });
		assert.equal((await page.hear('threads', (f) => f.of === thread(1))).items.length, 1);
		page.say({ type: 'search', n: 5, text: 'look for it', prefix: true });
		const found = await page.hear('found');
		assert.equal(found.n, 5);
		assert.deepEqual(found.items.map((i) => [i.kind, i.thread, i.snippet.length > 1]), [['message', thread(1), true]]);
		page.say({ type: 'history', thread: thread(1) });
		assert.equal((await page.hear('history')).runs.length, 7);
		page.say({ type: 'feedback', thread: thread(1), client_id: 'f1', message: answer.message, value: 'up' });
		await page.hear('accepted');
		plain.say({ type: 'call', id: 'p1', name: 'session.get', args: {} });
		assert.equal((await plain.hear('result')).result.role, 'owner');
		plain.say({ type: 'call', id: 'p2', name: 'session.got' });
		assert.equal((await plain.hear('problem')).problem.code, 'not_found');
		page.say({ type: 'erase', thread: thread(1), client_id: 'x1' });
		for (const c of [plain, page, late]) await c.hear('erased');
		plain.say({ type: 'nonsense' });
		await plain.hear('error');
		for (const c of [plain, page, late]) c.end();
		assert.deepEqual(Object.keys(ours).filter((type) => !seen.has(type)), [], 'types that the document names and nobody has seen');
	},

	async examples__of_clients__are_taken() {
		for (const { examples } of theirs)
			for (const { payload } of examples) {
				const c = await Client.open({ hello: payload.type !== 'hello' });
				c.say({ ...payload, ...(payload.token && { token: rig.localToken() }) });
				if (payload.type === 'hello') await c.hear('welcome');
				c.say({ type: 'ping', n: 7 });
				await c.hear('pong', (f) => {
					const refused = c.heard.find((e) => e.type === 'error' && !['refused', 'busy', 'not_offered'].includes(e.code));
					assert.equal(refused, undefined, JSON.stringify({ payload, refused }));
					return f.n === 7;
				});
				c.end();
			}
	},

	async frames__that_a_schema_forbids__are_refused_by_the_server() {
		let c = await Client.open();
		let n = 0;
		const refuses = async (frame, why) => {
			if (n % 90 === 89) { // a hundred on one connection end it
				c.end();
				c = await Client.open();
			}
			c.say(frame);
			const e = await c.hear('error');
			assert.ok(['bad_frame', 'too_long', 'empty', 'unknown_type'].includes(e.code), `${why}: ${JSON.stringify(e)}`);
			await new Promise((done) => setTimeout(done, 55)); // a connection has twenty frames a second
			n++;
		};
		for (const m of theirs) {
			if (m.name === 'hello') continue;
			const [{ payload }] = m.examples;
			for (const key of m.payload.required) {
				const { [key]: gone, ...rest } = payload;
				assert.ok(!m.valid(rest), `${m.key} without ${key}`);
				await refuses(rest, `${m.key} without ${key}`);
			}
			for (const key of Object.keys(m.payload.properties)) {
				const bent = { ...payload, [key]: typeof payload[key] === 'number' || key === 'after' || key === 'before' || key === 'limit' ? 'x' : -1 };
				assert.ok(!m.valid(bent), `${m.key} with a bent ${key}`);
				await refuses(bent, `${m.key} with a bent ${key}`);
			}
		}
		assert.ok(n > 60, `only ${n}`);
		c.end();
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open({ env: { EDDY_WEB_TOKEN: 'x'.repeat(48) } });
	},
	after: () => rig?.close(),
});
