// Nothing lost, nothing twice, nothing out of order: the page's own protocol client (adapters/web/page/socket.js, thread.js) against the real
// daemon, while lines are cut, freeze and the daemon is restarted or killed, always in the middle of streams.  Each conversation has
// somebody who writes and somebody who only looks; what both saw is compared with what the database holds.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { EddySocket } from '../../adapters/web/page/socket.js';
import { Rig } from './lib/rig.mjs';
import { dice, run, until } from './lib/tap.mjs';

const MESSAGES = 2000, CUTS = 200, TALKS = 40, CLIENTS = 10;
const RESTARTS = { 40: 'SIGTERM', 80: 'SIGKILL', 120: 'SIGTERM', 160: 'SIGKILL' };
const d = dice();
let rig;

// Waits are a tenth of what a browser's are, so that two hundred reconnects fit into the time of a test.
const hasty = {
	now: () => performance.now(),
	wall: () => Date.now(),
	later: (f, ms) => setTimeout(f, ms / 10),
	cancel: (t) => clearTimeout(t),
};

let serial = 0;
/* One page: follows some conversations, writes in some, and checks each frame against what it saw before. */
class Page {
	constructor(name) {
		this.name = name;
		this.talks = new Map(); // thread → {messages: [], byId, runs}
		this.faults = [];
		this.failed = 0;
		this.blocks = 0; // answers that grew in blocks here
		this.socket = new EddySocket({
			url: `ws://127.0.0.1:${rig.front.port}/`,
			// Every other page reads the Markdown itself.
			hello: async () => ({ token: rig.localToken(), client: `test/${name}`, ...(serial++ % 2 ? { features: ['blocks', 'threads'] } : {}) }),
			on: (f) => this.#frame(f),
			WebSocket, clock: hasty, random: d.next,
		});
	}

	follow(thread) {
		this.talks.set(thread, { messages: [], ids: new Map(), runs: new Map(), rev: 0 });
		this.socket.subscribe(thread);
	}

	#fault(f, what) {
		if (this.faults.length < 20) this.faults.push(`${this.name}: ${what}: ${JSON.stringify(f).slice(0, 300)}`);
	}

	#frame(f) {
		if (f.type === 'local.outbox' && f.item.state === 'failed') this.failed++;
		// While nobody listened a run may have begun anew: what was shown of it says nothing about its end.
		if (f.type === 'local.state' && f.state !== 'open') for (const t of this.talks.values()) t.runs.clear();
		const t = this.talks.get(f.thread);
		if (!t) return;
		switch (f.type) {
			case 'local.reset':
				return this.#fault(f, 'the past changed');
			case 'message': {
				if (t.ids.has(f.message)) this.#fault(f, 'twice');
				if (f.rev <= t.rev) this.#fault(f, `rev after ${t.rev}`);
				if (t.messages.length && f.seq <= t.messages.at(-1).seq) this.#fault(f, 'seq out of order');
				t.rev = f.rev;
				t.ids.set(f.message, f);
				t.messages.push(f);
				const r = t.runs.get(f.run);
				// What grew must be how the whole begins, and what was finished must stand in it.
				if (f.author.kind === 'eddy' && r?.final && JSON.stringify(f.blocks.slice(0, r.final)) !== JSON.stringify(r.blocks.slice(0, r.final)))
					this.#fault({ got: r.blocks.slice(0, r.final), whole: f.blocks }, 'finished blocks differ');
				this.blocks += !!r?.blocks?.length;
				if (f.author.kind === 'eddy' && r?.text && r.whole && !f.text.startsWith(r.text.trimEnd())) this.#fault({ got: r.text, whole: f.text }, 'a stream with a hole');
				t.runs.delete(f.run);
				return;
			}
			case 'open':
				t.runs.set(f.run, { attempt: f.attempt, text: f.text, whole: !f.blocks, blocks: f.blocks ?? [], final: 0 });
				return;
			case 'stream.reset':
				t.runs.set(f.run, { attempt: f.attempt, text: '', whole: true, blocks: [], final: 0 });
				return;
			case 'blocks': {
				let r = t.runs.get(f.run);
				if (!r || r.attempt !== f.attempt) t.runs.set(f.run, (r = { attempt: f.attempt, text: '', blocks: [], final: 0 }));
				if (f.from > r.blocks.length) this.#fault({ ...f, have: r.blocks.length }, 'a block is missing');
				if (f.from < r.final) this.#fault({ ...f, was: r.final }, 'a finished block changes');
				if (f.final > f.from + f.blocks.length) this.#fault(f, 'finished before it came');
				r.blocks.splice(f.from, Infinity, ...f.blocks);
				r.final = f.final;
				return;
			}
			case 'delta': {
				let r = t.runs.get(f.run);
				if (!r || r.attempt !== f.attempt) t.runs.set(f.run, (r = { attempt: f.attempt, text: '', whole: true }));
				if (f.offset !== Buffer.byteLength(r.text)) {
					// A reader that fell behind gets no parts but the whole message; a hole that goes on growing would be one.
					r.whole = false;
					this.#fault({ ...f, have: Buffer.byteLength(r.text) }, 'a part does not fit');
				}
				r.text += f.text;
			}
		}
	}
}

const tests = {
	async socket__loses_nothing__over_two_hundred_cuts_and_restarts_during_streams() {
		console.log(`# EDDY_TEST_SEED=${d.seed}`);
		await rig.model.control('options', { pace_ms: 15, words: 25, keep: false });
		// The first half of the answers has all kinds of blocks, the other says which question it had before it.
		await rig.model.control('script', {
			times: MESSAGES / 2, pace_ms: 12, piece: 9,
			answer: 'Answer to #0 in *several* parts.\n\nA second paragraph.\n\n- one\n- two\n\n```c\nint x;\n\nint y;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> said\n\nThe end.',
		});
		const talks = Array.from({ length: TALKS }, () => ({ id: crypto.randomUUID(), keys: [] }));
		const pages = Array.from({ length: CLIENTS }, (_, i) => new Page(`page ${i}`));
		talks.forEach((t, i) => {
			t.writer = pages[i % CLIENTS];
			t.reader = pages[(i + 1 + d.below(CLIENTS - 1)) % CLIENTS];
			t.writer.follow(t.id);
			t.reader.follow(t.id);
		});
		for (const p of pages) p.socket.start();
		let sent = 0, accepted = 0, cuts = 0, frozen = 0, restarting = null;
		const pending = () => pages.reduce((n, p) => n + p.socket.outbox.size, 0);
		const until_ms = performance.now() + 450000;
		while (sent < MESSAGES || pending() > 0 || cuts < CUTS || restarting) {
			if (performance.now() > until_ms) throw new Error(`sent ${sent}, waiting ${pending()}, cuts ${cuts}\n${rig.tail()}`);
			// Acts are queued also while the line is down, a few at a time, as people do.
			for (const t of talks)
				if (sent < MESSAGES && t.writer.socket.outbox.size < 12 && d.next() < 0.35)
					t.keys.push(t.writer.socket.send(t.id, `question #${++sent} of ${t.keys.length}`));
			if (!restarting && cuts < CUTS && cuts <= (sent / MESSAGES) * CUTS) {
				const signal = RESTARTS[cuts];
				let done = true;
				if (signal) restarting = rig.restart(signal).finally(() => (restarting = null));
				else if (cuts % 10 === 7) {
					done = rig.front.freezeOne(d.below);
					frozen += done;
					// Somebody opens the lid again.
					for (const p of pages) setTimeout(() => p.socket.nudge(), 100 + d.below(400));
				} else done = rig.front.cutOne(d.below);
				cuts += done;
			}
			await new Promise((go) => setTimeout(go, 5 + d.below(15)));
		}
		accepted = talks.reduce((n, t) => n + t.keys.length, 0);
		assert.equal(accepted, MESSAGES);
		const open = async () => (await rig.sql('SELECT count(*) FROM runs WHERE state <= 2 UNION ALL SELECT count(*) FROM outbox WHERE state <= 2')).map(Number);
		await until('all answers are there', async () => (await open()).every((n) => n === 0), 60000);
		await until('everybody has seen everything', async () => {
			const stored = new Map((await rig.sql('SELECT thread_id, count(*) FROM messages GROUP BY 1')).map(([, n], i) => [i, Number(n)]));
			const total = [...stored.values()].reduce((a, b) => a + b, 0);
			const seen = (who) => talks.reduce((n, t) => n + t[who].talks.get(t.id).messages.length, 0);
			return seen('writer') === total && seen('reader') === total;
		}, 30000);
		assert.deepEqual(pages.flatMap((p) => p.faults), []);
		assert.equal(pages.reduce((n, p) => n + p.failed, 0), 0);
		assert.ok(pages.some((p) => p.blocks > 0), 'nothing grew in blocks');
		for (const t of talks) {
			const ours = t.writer.talks.get(t.id).messages, theirs = t.reader.talks.get(t.id).messages;
			assert.deepEqual(ours.filter((m) => m.author.kind === 'person').map((m) => m.key), t.keys); // none lost, none twice, in order
			assert.deepEqual(theirs.map((m) => [m.rev, m.message, m.text]), ours.map((m) => [m.rev, m.message, m.text]));
			for (const m of ours) if (m.author.kind === 'eddy') assert.match(m.text, /^Answer to #\d/, 'an answer without its question');
			const runs = ours.filter((m) => m.author.kind === 'eddy').map((m) => m.run);
			assert.equal(new Set(runs).size, runs.length, 'a run has answered twice');
		}
		assert.equal(Number((await rig.sql(`SELECT count(*) FROM messages WHERE body LIKE 'question #%'`))[0][0]), MESSAGES);
		console.log(`# ${cuts} cuts (${frozen} lines went silent, ${Object.keys(RESTARTS).length} restarts), ${rig.front.upgrades} connections`);
		for (const p of pages) p.socket.stop();
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open();
	},
	after: () => rig?.close(),
	limit: 600000,
});
