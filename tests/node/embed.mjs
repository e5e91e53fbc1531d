// docs/examples/embed-… as they stand in the tree, but for the address of Eddy: each is opened in the real browser, talked to, and looked at
// for what it leaves behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import zlib from 'node:zlib';
import WebSocket from 'ws';
import { Tab, lacking, launch } from './lib/browser.mjs';
import { Rig, root } from './lib/rig.mjs';
import { Skip, run } from './lib/tap.mjs';

const examples = path.join(root, 'docs/examples');
const key = crypto.randomBytes(24).toString('hex');
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript' };
let rig, browser, site, library;

const ours = (text) => text.replaceAll('wss://eddy.example', rig.front.origin.replace('http', 'ws')).replaceAll('https://eddy.example', rig.front.origin);

/* A static server, as a site has one. */
async function serve(port) {
	const s = http.createServer((q, r) => {
		const name = path.normalize(new URL(q.url, 'http://x').pathname.replace(/\/$/, '/index.html'));
		const file = path.join(examples, name);
		if (!file.startsWith(examples + path.sep) || !fs.existsSync(file)) return r.writeHead(404).end();
		return r.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'text/plain' }).end(ours(fs.readFileSync(file, 'utf8')));
	});
	await new Promise((done) => s.listen(port, '127.0.0.1', done));
	return Object.assign(s, { origin: `http://127.0.0.1:${s.address().port}` });
}

/* The server with log-in, as one starts it. */
async function startLibrary() {
	const child = spawn(process.execPath, [path.join(examples, 'embed-identity/server.mjs')], {
		env: { PATH: process.env.PATH, EDDY_URL: rig.front.origin, EDDY_IDENTITY_KEY: key, PORT: String(library.port) }, stdio: ['ignore', 'pipe', 'inherit'],
	});
	await new Promise((done) => child.stdout.once('data', done));
	return Object.assign(library, { child });
}

async function freePort() {
	const s = http.createServer();
	await new Promise((done) => s.listen(0, '127.0.0.1', done));
	const { port } = s.address();
	await new Promise((done) => s.close(done));
	return port;
}

const needsBrowser = () => {
	if (!browser) throw new Skip(lacking());
};
const widget = (t, what) => t.page.locator(`eddy-widget ${what}`);
const open = async (t) => {
	await widget(t, '.launcher').click();
	await widget(t, 'textarea').waitFor();
};
const say = async (t, text) => {
	await widget(t, 'textarea').fill(text);
	await t.page.keyboard.press('Enter');
	await widget(t, '.msg.eddy .bubble').filter({ hasText: 'Answer to' }).last().waitFor();
};
const kept = (t) => t.page.evaluate(() => ({ local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookies: document.cookie }));
const people = async () => (await rig.sql('SELECT external_id FROM identities ORDER BY 1')).flat();

const tests = {
	async static_site__talks__and_keeps_nothing_before_the_first_message() {
		needsBrowser();
		const t = await Tab.open(browser);
		await t.page.goto(`${site.origin}/embed-static/`);
		await t.page.getByRole('button', { name: 'Ask us about an order' }).click();
		await widget(t, 'textarea').waitFor();
		assert.deepEqual(await kept(t), { local: [], session: [], cookies: '' });
		const before = (await people()).length;
		await say(t, 'question #1 do you bake on Sunday?');
		assert.equal((await people()).length, before + 1);
		const { local, session, cookies } = await kept(t);
		assert.deepEqual([local.length, session.length, cookies], [1, 0, '']);
		assert.equal(await widget(t, '.panel').evaluate((e) => getComputedStyle(e).borderRadius), '10px'); // --eddy-radius
		await t.page.reload();
		await open(t);
		await widget(t, '.mine').filter({ hasText: 'on Sunday?' }).waitFor();
		await t.clean();
		await t.close();
	},

	async strict_policy__lets_the_widget_work__without_one_violation() {
		needsBrowser();
		const t = await Tab.open(browser, { width: 320, height: 640 });
		await t.page.goto(`${site.origin}/embed-strict-policy/`);
		await open(t);
		await say(t, 'question #2 is it safe?');
		const box = await widget(t, '.panel').boundingBox();
		assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 320, 640]); // the whole telephone
		const { local, session } = await kept(t);
		assert.deepEqual([local.length, session.length], [0, 1]); // data-eddy-store="session"
		t.stayedHome(site.origin, rig.front.origin, rig.front.origin.replace('http', 'ws'));
		await t.page.evaluate(() => Eddy.destroy({ forget: true }));
		assert.deepEqual(await t.page.evaluate(() => [typeof window.Eddy, document.querySelectorAll('eddy-widget').length]), ['undefined', 0]);
		assert.deepEqual((await kept(t)).session, []);
		await t.clean();
		await t.close();
	},

	async identity__names_who_is_logged_in__and_forgets_who_leaves() {
		needsBrowser();
		const origin = `http://127.0.0.1:${library.port}`;
		const t = await Tab.open(browser);
		await t.page.goto(origin);
		await t.page.getByRole('button', { name: 'Log in' }).click();
		await t.page.getByText('You are logged in as Ann Example').waitFor();
		await open(t);
		await say(t, 'question #3 my books');
		assert.ok((await people()).includes('user:ann'));
		// Elsewhere, and after a cut, she finds what she said.
		const other = await Tab.open(browser);
		await other.page.goto(origin);
		await other.page.getByRole('button', { name: 'Log in' }).click();
		await other.page.getByText('You are logged in as Ann Example').waitFor();
		await open(other);
		await widget(other, '.mine').filter({ hasText: 'my books' }).waitFor();
		rig.front.cut();
		await say(other, 'question #4 from the other device');
		await widget(t, '.mine').filter({ hasText: 'from the other device' }).waitFor();
		// Who leaves is a stranger here.
		await t.page.getByRole('button', { name: 'Log out' }).click();
		await t.page.getByRole('button', { name: 'Log in' }).waitFor();
		await open(t);
		await t.page.waitForTimeout(300);
		assert.equal(await widget(t, '.mine').count(), 0);
		await t.page.getByLabel('Who are you?').selectOption('ben');
		await t.page.getByRole('button', { name: 'Log in' }).click();
		await t.page.getByText('You are logged in as Ben Example').waitFor();
		await open(t);
		await say(t, 'question #5 I am Ben');
		assert.equal(await widget(t, '.mine').count(), 1);
		assert.ok((await people()).includes('user:ben'));
		await t.clean();
		await other.clean();
		await t.close();
		await other.close();
	},

	async identity__token_of_the_example__is_good_for_one_tab() {
		const origin = `http://127.0.0.1:${library.port}`;
		const login = await fetch(`${origin}/login`, { method: 'POST', body: new URLSearchParams({ id: 'ann' }), redirect: 'manual' });
		const cookie = login.headers.get('set-cookie').split(';')[0];
		assert.equal((await fetch(`${origin}/eddy-token`)).status, 204);
		const { token } = await (await fetch(`${origin}/eddy-token`, { headers: { cookie } })).json();
		const hello = (identity, device) =>
			new Promise((done, fail) => {
				const ws = new WebSocket(`ws://127.0.0.1:${rig.port}/`, 'eddy.v1', { origin });
				ws.on('error', fail);
				ws.on('open', () => ws.send(JSON.stringify({ type: 'hello', identity, device })));
				ws.once('message', (data) => {
					ws.close();
					done(JSON.parse(String(data)));
				});
			});
		assert.equal((await hello(token, 'tab-1')).person?.name, 'Ann Example');
		assert.equal((await hello(token, 'tab-1')).type, 'welcome');
		assert.match((await hello(token, 'tab-2')).message, /another browser tab/);
		assert.match((await hello(token.slice(0, -4) + 'AAAA', 'tab-1')).message, /signature/);
	},

	async files__of_the_widget__are_small() {
		const get = async (at) => {
			const r = await fetch(new URL(at, rig.front.origin), { headers: { 'accept-encoding': 'gzip' } });
			assert.equal(r.status, 200, at);
			assert.equal(r.headers.get('access-control-allow-origin'), '*');
			const text = await r.text();
			return { text, size: zlib.gzipSync(text, { level: 9 }).length };
		};
		const loader = await get('/widget.js');
		const seen = new Map();
		const follow = async (at) => {
			if (seen.has(at)) return;
			const { text, size } = await get(at);
			seen.set(at, size);
			for (const [, next] of text.matchAll(/(?:from |import |import\()"(\.[^"]+\.js)"/g))
				if (!/widget-lang\/(?!en\b)/.test(next)) await follow(new URL(next, new URL(at, rig.front.origin)).pathname);
		};
		await follow(`/${/"\.\/(a\/widget-app\.\w+\.js)"/.exec(loader.text)[1]}`);
		const all = [...seen.values()].reduce((a, b) => a + b, 0);
		console.log(`# loader ${loader.size} bytes, widget ${all} bytes in ${seen.size} files, compressed`);
		assert.ok(loader.size <= 3000 && all <= 25000, `${loader.size}, ${all}: ${[...seen]}`);
	},
};

await run(tests, {
	before: async () => {
		const port = await freePort();
		library = { port: await freePort() };
		const origins = [port, library.port].map((p) => `http://127.0.0.1:${p}`);
		rig = await Rig.open({ env: { EDDY_WEB_WIDGET_ENABLED: 'true', EDDY_WEB_ALLOWED_ORIGINS: origins.join(','), EDDY_WEB_WIDGET_IDENTITY_KEY: key } });
		site = await serve(port);
		await startLibrary();
		if (!lacking()) browser = await launch();
	},
	after: async () => {
		await browser?.close();
		library?.child?.kill();
		site?.close();
		await rig?.close();
	},
	limit: 300000,
});
