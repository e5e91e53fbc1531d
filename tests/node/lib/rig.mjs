// The real daemon between a database of its own, a fake model and a front (front.mjs), as tests/system/harness.h does it in C.
import { spawn, execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Front } from './front.mjs';
import { patience, until, witnesses } from './tap.mjs';

const exec = promisify(execFile);
export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const build = path.resolve(root, process.env.EDDY_BUILD ?? 'build');
const admin = process.env.EDDY_TEST_ADMIN_URL;
let number = 0;

/* Below the ports that the kernel gives to outgoing connections, as tests/support/port.h has it. */
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

/** Starts a fake of tests/fakes; control(command, body) tells it what to do. */
export async function fake(name, ...options) {
	const child = spawn(`${build}/tests/fakes/main/${name}`, options, { stdio: ['ignore', 'pipe', 'inherit'] });
	const line = await new Promise((done, fail) => {
		child.stdout.once('data', (data) => done(String(data)));
		child.once('error', fail);
	});
	const port = Number(/listening on (\d+)/.exec(line)[1]);
	const control = async (command, body = {}) => {
		const r = await fetch(`http://127.0.0.1:${port}/control/${command}`, { method: 'POST', body: JSON.stringify(body) });
		if (r.status !== 200) throw new Error(`${name}: ${command}: ${r.status}`);
		return r.json();
	};
	return { child, port, url: `http://127.0.0.1:${port}`, control };
}

export class Rig {
	/** env: further environment of the daemon. */
	static async open({ env = {}, model = [] } = {}) {
		if (!admin) throw new Error('no EDDY_TEST_ADMIN_URL: run through scripts/test');
		const r = new Rig();
		r.dir = fs.mkdtempSync(path.join(process.env.TMPDIR ?? os.tmpdir(), 'eddy-node.'));
		r.log = path.join(r.dir, 'eddy.log');
		r.name = `eddy_node_${process.pid}_${++number}`;
		process.once('exit', () => r.#kill());
		r.witness = () => `---- the end of ${r.log}\n${r.tail(12000)}`;
		witnesses.add(r.witness);
		await exec(`${process.env.EDDY_TEST_PG_BIN}/psql`, ['-qX', admin, '-c', `CREATE DATABASE ${r.name}`]);
		const url = new URL(admin.replace('@/', '@local/'));
		r.database = `postgresql://postgres@/${r.name}${url.search}`;
		r.model = await fake('model', ...model);
		r.port = await freePort();
		r.front = await Front.open(r.port);
		const kept = Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'LANG', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS']
			.filter((k) => process.env[k] !== undefined).map((k) => [k, process.env[k]]));
		r.env = {
			...kept,
			EDDY_MODEL_PROVIDER: 'anthropic', EDDY_MODEL_BASE_URL: r.model.url, EDDY_MODEL_API_KEY: 'fake-key', EDDY_MODEL_NAME: 'fake-model',
			EDDY_MODEL_DAILY_CAP: '100000', EDDY_LIMITS_PERSON: '1000000', EDDY_LIMITS_WORKSPACE: '1000000',
			EDDY_DATABASE_ADMIN_URL: r.database, EDDY_DATA_DIR: path.join(r.dir, 'data'),
			EDDY_WEB_LISTEN: `127.0.0.1:${r.port}`, EDDY_WEB_PUBLIC_URL: r.front.origin,
			EDDY_ENGINE_LEASE: '4s', EDDY_ENGINE_HEARTBEAT: '1s', EDDY_ENGINE_SCAN: '500ms',
			...env,
		};
		await r.serve();
		return r;
	}

	async serve() {
		const out = fs.openSync(this.log, 'a');
		this.daemon = spawn(`${build}/eddy`, ['serve'], { env: this.env, stdio: ['ignore', out, out] });
		fs.closeSync(out);
		const child = this.daemon;
		child.ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
		await until(() => `the daemon is ready\n${this.tail()}`, async () => {
			if (child.exitCode !== null) throw new Error(`the daemon ended: ${child.exitCode}`);
			return (await fetch(`http://127.0.0.1:${this.port}/readyz`)).ok;
		}, 120000);
	}

	/** Ends the daemon with ${signal} and starts it again. */
	async restart(signal = 'SIGTERM') {
		await this.end(signal);
		await this.serve();
	}

	async end(signal) {
		const d = this.daemon;
		d.kill(signal);
		const late = setTimeout(() => d.kill('SIGKILL'), patience(60000));
		await d.ended;
		clearTimeout(late);
	}

	/** What a command of eddy prints. */
	async eddy(...args) {
		const { stdout } = await exec(`${build}/eddy`, args, { env: this.env, timeout: patience(90000) });
		return stdout;
	}

	/** A link that logs in, by the front's port. */
	async login(...args) {
		const out = await this.eddy('login', ...args);
		const code = /#login=([\w-]+)/.exec(out)?.[1];
		if (!code) throw new Error(`eddy login printed: ${out}`);
		return `${this.front.origin}/#login=${code}`;
	}

	localToken() {
		return fs.readFileSync(path.join(this.env.EDDY_DATA_DIR, 'local-token'), 'utf8').trim();
	}

	/** The rows of a query, each a list of texts. */
	async sql(query) {
		const { stdout } = await exec(`${process.env.EDDY_TEST_PG_BIN}/psql`, ['-qXAtF', '\t', this.database, '-c', `SET search_path = eddy, public; ${query}`],
			{ maxBuffer: 1 << 26 });
		return stdout.split('\n').filter(Boolean).map((l) => l.split('\t'));
	}

	tail(n = 4000) {
		return fs.existsSync(this.log) ? fs.readFileSync(this.log, 'utf8').slice(-n) : '';
	}

	#kill() {
		this.daemon?.kill('SIGKILL');
		this.model?.child.kill('SIGKILL');
	}

	/** Ends everything; throws when a sanitizer has reported something or the daemon did not end by itself. */
	async close() {
		witnesses.delete(this.witness);
		this.front?.close();
		if (this.daemon && this.daemon.exitCode === null && this.daemon.signalCode === null)
			await this.end(process.env.EDDY_TEST_ORDERLY ? 'SIGTERM' : 'SIGKILL');
		this.#kill();
		await exec(`${process.env.EDDY_TEST_PG_BIN}/psql`, ['-qX', admin, '-c', `DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`]).catch(() => {});
		const said = fs.existsSync(this.log) ? fs.readFileSync(this.log, 'utf8') : '';
		fs.rmSync(this.dir, { recursive: true, force: true });
		const report = /.*(ERROR: AddressSanitizer|ERROR: LeakSanitizer|runtime error: |WARNING: ThreadSanitizer).*/.exec(said);
		if (report) throw new Error(report[0]);
	}
}
