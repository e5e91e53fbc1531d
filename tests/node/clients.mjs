// The real clients against the fakes: what they accept, our own code meets under the same conditions.  Prints TAP.
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import bolt from '@slack/bolt';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const build = process.env.EDDY_BUILD ?? 'build';
const children = [];
const sleep = ms => new Promise(done => setTimeout(done, ms));

async function fake(name, ...options) {
	const child = spawn(`${build}/tests/fakes/main/${name}`, options, { stdio: ['ignore', 'pipe', 'inherit'] });
	children.push(child);
	const line = await new Promise((done, fail) => {
		child.stdout.once('data', data => done(String(data)));
		child.once('error', fail);
	});
	const port = Number(/listening on (\d+)/.exec(line)[1]);
	const control = async (command, body = {}) => {
		const r = await fetch(`http://127.0.0.1:${port}/control/${command}`, { method: 'POST', body: JSON.stringify(body) });
		assert.equal(r.status, 200, command);
		return r.json();
	};
	return { port, url: `http://127.0.0.1:${port}`, control };
}

async function until(what, check, ms = 8000) {
	for (const end = Date.now() + Math.max(ms, 60000); Date.now() < end; await sleep(20)) {
		const v = await check();
		if (v) return v;
	}
	throw new Error(`waited in vain for: ${what}`);
}

const tests = {
	async bolt__connects__hears_a_mention_and_answers_in_its_thread() {
		const slack = await fake('slack', '--close_ms=200');
		const errors = [];
		const app = new bolt.App({
			token: 'xoxb-fake', appToken: 'xapp-fake', socketMode: true, logLevel: bolt.LogLevel.ERROR,
			clientOptions: { slackApiUrl: `${slack.url}/api/` },
		});
		app.error(async e => { errors.push(e); });
		app.event('app_mention', async ({ event, say }) => { await say({ text: `heard ${event.text}`, thread_ts: event.ts }); });
		app.command('/eddy', async ({ command, ack, respond }) => { await ack(); await respond(`you said ${command.text}`); });
		await app.start();
		try {
			const { ts } = await slack.control('say', { text: 'hello there', channel: 'C1' });
			const thread = await until('an answer', async () => {
				const m = await slack.control('messages', { channel: 'C1', thread_ts: ts });
				return m.some(x => x.bot) && m;
			});
			assert.match(thread.find(x => x.bot).text, /hello there/);
			const slash = await slack.control('slash', { text: 'help' });
			await until('a response', async () => Object.keys((await slack.control('state')).responses).length === 1);
			assert.ok(slash.response_url);
			// A refresh: the client comes back on a new link and hears on.
			await slack.control('link', { do: 'refresh' });
			await until('a new link', async () => {
				const s = await slack.control('state');
				return s.links.some(l => l.ready && !l.leaving);
			});
			await slack.control('say', { text: 'still there?', channel: 'C2' });
			await until('an answer after the refresh', async () => (await slack.control('messages', { channel: 'C2' })).some(x => x.bot), 20000);
			const state = await slack.control('state');
			assert.deepEqual(state.violations.filter(v => v.what !== 'ack_with_payload'), []);
			await until('all acknowledged', async () => (await slack.control('state')).events.every(e => e.acked || e.deliveries === 0));
			assert.deepEqual(errors, []);
		} finally {
			await app.stop();
		}
	},

	async web_api__streams__with_the_rules_of_the_platform() {
		const slack = await fake('slack', '--stream_end_ms=600', '--echo=false');
		const web = new bolt.webApi.WebClient('xoxb-fake', { slackApiUrl: `${slack.url}/api/`, retryConfig: { retries: 0 } });
		const { ts } = await slack.control('say', { text: 'stream', channel: 'C1' });
		await assert.rejects(web.apiCall('chat.startStream', { channel: 'C1', thread_ts: ts, recipient_team_id: 'T0FAKE' }), /missing_recipient_user_id/);
		const to = { channel: 'C1', thread_ts: ts, recipient_team_id: 'T0FAKE', recipient_user_id: 'U0PERSON' };
		const one = await web.apiCall('chat.startStream', { ...to, markdown_text: 'a' });
		await web.apiCall('chat.appendStream', { channel: 'C1', ts: one.ts, markdown_text: 'b' });
		await assert.rejects(web.chat.update({ channel: 'C1', ts: one.ts, text: 'x' }), /streaming_state_conflict/);
		await web.apiCall('chat.stopStream', { channel: 'C1', ts: one.ts, markdown_text: 'c' });
		const two = await web.apiCall('chat.startStream', { ...to, markdown_text: 'late' });
		await sleep(700);
		await assert.rejects(web.apiCall('chat.appendStream', { channel: 'C1', ts: two.ts, markdown_text: 'x' }), /message_not_in_streaming_state/);
		await web.chat.update({ channel: 'C1', ts: two.ts, text: 'mended' });
		const replies = await web.conversations.replies({ channel: 'C1', ts });
		assert.deepEqual(replies.messages.map(m => m.text), ['<@U0EDDY> stream', 'abc', 'mended']);
	},

	async web_api__keeps__metadata_limits_and_faults() {
		const slack = await fake('slack', '--echo=false');
		const web = new bolt.webApi.WebClient('xoxb-fake', { slackApiUrl: `${slack.url}/api/`, retryConfig: { retries: 1, minTimeout: 10 } });
		const metadata = { event_type: 'eddy_delivery', event_payload: { id: 'd1' } };
		const posted = await web.chat.postMessage({ channel: 'C1', text: 'with a key', metadata });
		const plain = await web.conversations.history({ channel: 'C1' });
		assert.equal(plain.messages[0].metadata, undefined);
		const full = await web.conversations.history({ channel: 'C1', include_all_metadata: true });
		assert.deepEqual(full.messages[0].metadata, metadata);
		assert.equal(full.messages[0].ts, posted.ts);
		await slack.control('fault', { do: '429', retry_after: 1 });
		const t0 = Date.now();
		await web.chat.postMessage({ channel: 'C1', text: 'after a wait' });
		assert.ok(Date.now() - t0 >= 950);
		await slack.control('fault', { do: 'lost_after' });
		await web.chat.postMessage({ channel: 'C1', text: 'lost' }).catch(() => {});
		const texts = (await slack.control('messages', { channel: 'C1' })).map(m => m.text);
		assert.ok(texts.filter(t => t === 'lost').length >= 1);
		await assert.rejects(web.chat.postMessage({ channel: 'C1', text: 'x', blocks: Array(51).fill({ type: 'divider' }) }), /invalid_blocks/);
		assert.deepEqual((await slack.control('state')).violations, []);
	},

	async anthropic__reads__a_stream_a_tool_call_and_the_errors() {
		const model = await fake('model');
		const client = new Anthropic({ apiKey: 'k', baseURL: model.url, maxRetries: 0 });
		const ask = { model: 'fake-model', max_tokens: 100, messages: [{ role: 'user', content: 'what about #7?' }] };
		const whole = await client.messages.create(ask);
		assert.equal(whole.content[0].text, 'Answer to #7.');
		const streamed = await client.messages.stream(ask).finalMessage();
		assert.equal(streamed.content[0].text, 'Answer to #7.');
		assert.ok(streamed.usage.output_tokens > 0);
		await model.control('script', { tool: 'search', arguments: { query: 'déploy' }, piece: 3 });
		const tools = [{ name: 'search', description: 'x', input_schema: { type: 'object' } }];
		const call = await client.messages.stream({ ...ask, tools }).finalMessage();
		assert.equal(call.stop_reason, 'tool_use');
		assert.deepEqual(call.content[0].input, { query: 'déploy' });
		await model.control('script', { status: 529 });
		await assert.rejects(client.messages.create(ask), e => e.status === 529);
		await model.control('script', { status: 429, retry_after: 2 });
		await assert.rejects(client.messages.create(ask), e => e instanceof Anthropic.RateLimitError);
		await model.control('script', { fault: 'error', after: 2, answer: 'a long enough answer for several parts', piece: 4 });
		await assert.rejects(client.messages.stream(ask).finalMessage(), /overloaded/i);
		await model.control('script', { fault: 'cut', after: 2, answer: 'a long enough answer for several parts', piece: 4 });
		await assert.rejects(client.messages.stream(ask).finalMessage());
	},

	async openai__reads__a_stream_a_tool_call_and_the_errors() {
		const model = await fake('model', '--window=4000');
		const client = new OpenAI({ apiKey: 'k', baseURL: `${model.url}/v1`, maxRetries: 0 });
		const ask = { model: 'fake-model', messages: [{ role: 'system', content: 's' }, { role: 'user', content: 'what about #8?' }] };
		const whole = await client.chat.completions.create(ask);
		assert.equal(whole.choices[0].message.content, 'Answer to #8.');
		let text = '', usage;
		for await (const c of await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
			text += c.choices[0]?.delta?.content ?? '';
			usage = c.usage ?? usage;
		}
		assert.equal(text, 'Answer to #8.');
		assert.ok(usage.total_tokens > 0);
		await model.control('script', { tool: 'search', arguments: { query: 'x' }, piece: 2 });
		let args = '';
		for await (const c of await client.chat.completions.create({ ...ask, stream: true, tools: [{ type: 'function', function: { name: 'search' } }] }))
			args += c.choices[0]?.delta?.tool_calls?.[0]?.function?.arguments ?? '';
		assert.deepEqual(JSON.parse(args), { query: 'x' });
		await model.control('script', { status: 500 });
		await assert.rejects(client.chat.completions.create(ask), e => e.status === 500);
		await assert.rejects(client.chat.completions.create({ ...ask, messages: [{ role: 'user', content: 'x'.repeat(40000) }] }),
			e => e.code === 'context_length_exceeded');
		assert.equal((await client.models.list()).data[0].max_model_len, 4000);
	},
};

console.log(`1..${Object.keys(tests).length}`);
let n = 0, failed = 0;
for (const [name, run] of Object.entries(tests)) {
	n++;
	try {
		await run();
		console.log(`ok ${n} - ${name}`);
	} catch (e) {
		failed++;
		console.log(`not ok ${n} - ${name}`);
		console.log(String(e?.stack ?? e).replace(/^/gm, '# '));
	}
}
for (const c of children) c.kill('SIGKILL');
process.exit(failed ? 1 : 0);
