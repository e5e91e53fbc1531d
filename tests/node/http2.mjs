// Streamed answers over TLS and HTTP/2, chosen by ALPN: node's server is the model, its certificate is of an authority made here.  Many
// answers at once share one connection; a server that knows only HTTP/1.1 gets that.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { run, until, patience } from './lib/tap.mjs';

const exec = promisify(execFile);
const build = path.resolve(process.env.EDDY_BUILD ?? 'build');
const dir = fs.mkdtempSync(path.join(process.env.TMPDIR ?? os.tmpdir(), 'eddy-http2.'));
const database = `eddy_http2_${process.pid}`;
const admin = process.env.EDDY_TEST_ADMIN_URL;
const psql = (query) => exec(`${process.env.EDDY_TEST_PG_BIN}/psql`, ['-qX', admin, '-c', query]);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function certificates() {
	const openssl = (...args) => exec('openssl', args, { cwd: dir });
	const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
	await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=an authority for this test');
	await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=a server');
	fs.writeFileSync(path.join(dir, 'server.ext'), 'subjectAltName=DNS:localhost\n');
	await openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'server.ext',
		'-out', 'server.pem');
}

/** A model that streams "Over <protocol>: #N …" in small pieces, over as long as its users want. */
class Model {
	sessions = 0; // connections that speak HTTP/2
	sockets = 0;
	running = 0;
	most = 0; // answers at one time
	protocols = new Set();
	gate = null; // answers stop in their middle until this is resolved

	async start(old) {
		const keys = { key: fs.readFileSync(path.join(dir, 'server.key')), cert: fs.readFileSync(path.join(dir, 'server.pem')) };
		this.server = (old ? https.createServer : http2.createSecureServer)(keys, (request, response) => this.#answer(request, response).catch(() => response.destroy?.()));
		this.open = new Set();
		this.server.on('session', () => this.sessions++);
		this.server.on('secureConnection', (s) => {
			this.sockets++;
			this.open.add(s);
			s.on('close', () => this.open.delete(s));
		});
		await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
		this.url = `https://localhost:${this.server.address().port}`;
		return this;
	}

	close() {
		for (const s of this.open) s.destroy();
		this.server.close();
	}

	async #answer(request, response) {
		let body = '';
		for await (const piece of request) body += piece;
		if (request.url !== '/v1/messages') {
			response.writeHead(404, { 'content-type': 'application/json' });
			return response.end('{}');
		}
		this.protocols.add(request.httpVersion);
		this.most = Math.max(this.most, ++this.running);
		const n = [...body.matchAll(/#(\d+)/g)].at(-1)?.[1] ?? '?';
		const send = (type, o) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...o })}\n\n`);
		response.writeHead(200, { 'content-type': 'text/event-stream' });
		send('message_start', { message: { id: `m${n}`, type: 'message', role: 'assistant', model: 'fake-model', content: [], usage: { input_tokens: 5, output_tokens: 1 } } });
		send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
		const words = `Over ${request.httpVersion}: #${n} ${'word '.repeat(200)}end`.match(/.{1,25}/gs);
		for (const [i, text] of words.entries()) {
			send('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
			if (i === 3) await this.gate?.promise;
			if (i % 10 === 0) await pause(2);
		}
		send('content_block_stop', { index: 0 });
		send('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 200 } });
		send('message_stop', {});
		response.end();
		this.running--;
	}
}

function gate() {
	const g = {};
	g.promise = new Promise((done) => { g.open = done; });
	return g;
}

/* As lib/rig.mjs has it. */
async function freePort() {
	for (;;) {
		const port = 10000 + Math.floor(Math.random() * 22000);
		const s = net.createServer();
		const got = await new Promise((done) => s.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)));
		if (!got) continue;
		await new Promise((done) => s.close(done));
		return port;
	}
}

let daemon, env, log;
async function serve(model, more = {}) {
	const port = await freePort();
	log = path.join(dir, 'eddy.log');
	const kept = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS']
		.filter((k) => process.env[k] !== undefined).map((k) => [k, process.env[k]]));
	env = {
		...kept, EDDY_MODEL_PROVIDER: 'anthropic', EDDY_MODEL_BASE_URL: model.url, EDDY_MODEL_API_KEY: 'fake-key', EDDY_MODEL_NAME: 'fake-model',
		EDDY_MODEL_DAILY_CAP: '100000', EDDY_LIMITS_PERSON: '1000000', EDDY_LIMITS_WORKSPACE: '1000000', EDDY_DATABASE_ADMIN_URL: `postgresql://postgres@/${database}${admin.slice(admin.indexOf('?'))}`,
		EDDY_DATA_DIR: path.join(dir, 'data'), EDDY_WEB_LISTEN: `127.0.0.1:${port}`, EDDY_NET_CA_FILE: path.join(dir, 'ca.pem'), ...more,
	};
	const out = fs.openSync(log, 'w');
	daemon = spawn(`${build}/eddy`, ['serve'], { env, stdio: ['ignore', out, out] });
	fs.closeSync(out);
	const child = daemon;
	child.ended = new Promise((done) => child.once('exit', done));
	await until(() => `the daemon is ready\n${fs.readFileSync(log, 'utf8')}`, async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, 60000);
}

async function stop() {
	daemon?.kill(process.env.EDDY_TEST_ORDERLY ? 'SIGTERM' : 'SIGKILL');
	await daemon?.ended;
	daemon = null;
	const said = log ? fs.readFileSync(log, 'utf8') : '';
	const report = /.*(ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error: |WARNING: ThreadSanitizer).*/.exec(said);
	if (report) throw new Error(report[0]);
}

const ask = async (n) => (await exec(`${build}/eddy`, ['chat', `question #${n}`], { env, timeout: patience(120000) })).stdout;

/** old: the server knows only HTTP/1.1. */
async function with_model({ old = false, ...more }, test) {
	const model = await new Model().start(old);
	try {
		await serve(model, more);
		await test(model);
	} finally {
		await stop();
		model.close();
	}
}

await run({
	async answers__share__one_http2_connection() {
		await with_model({}, async (model) => {
			assert.match(await ask(1), /Over 2\.0: #1 [^]*end/);
			model.gate = gate();
			const questions = Array.from({ length: 12 }, (_, i) => ask(i + 2));
			await until('all are being answered', () => model.running === 12, 30000);
			model.gate.open();
			for (const [i, answer] of (await Promise.all(questions)).entries()) {
				assert.match(answer, new RegExp(`Over 2\\.0: #${i + 2} `));
				assert.equal(answer.match(/word/g).length, 200);
			}
			assert.equal(model.most, 12);
			assert.equal(model.sessions, 1);
			assert.equal(model.sockets, 1);
			assert.deepEqual([...model.protocols], ['2.0']);
		});
	},

	async answers__go_on__after_the_connection_was_ended() {
		await with_model({}, async (model) => {
			assert.match(await ask(1), /#1 /);
			for (const s of model.open) s.destroy();
			assert.match(await ask(2), /#2 [^]*end/);
			assert.equal(model.sessions, 2);
		});
	},

	async server__without_http2__gets_http1() {
		await with_model({ old: true }, async (model) => {
			const answers = await Promise.all([ask(1), ask(2), ask(3)]);
			for (const [i, answer] of answers.entries()) assert.match(answer, new RegExp(`Over 1\\.1: #${i + 1} [^]*end`));
			assert.deepEqual([...model.protocols], ['1.1']);
		});
	},

	async server__of_an_unknown_authority__is_not_asked() {
		await with_model({ EDDY_NET_CA_FILE: '' }, async (model) => {
			const doctor = await exec(`${build}/eddy`, ['doctor'], { env }).catch((e) => e);
			assert.match(doctor.stdout, /the certificate is refused: [^\n]*net\.ca_file names certificates to trust/);
			await ask(1).catch((e) => e);
			assert.equal(model.protocols.size, 0);
			assert.equal(model.sessions, 0);
			env.EDDY_NET_CA_FILE = path.join(dir, 'ca.pem');
			const trusting = await exec(`${build}/eddy`, ['doctor'], { env }).catch((e) => e);
			assert.match(trusting.stdout, /anthropic answers at https:\/\/localhost/);
		});
	},
}, {
	async before() {
		await certificates();
		await psql(`CREATE DATABASE ${database}`);
	},
	async after() {
		daemon?.kill('SIGKILL');
		await psql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`).catch(() => {});
		fs.rmSync(dir, { recursive: true, force: true });
	},
});
