// A server of eddy.v1 in which the test says every frame: states that the real one shows only for a moment, and frames that it would never
// send.  It plays behind a Front, so the page itself still comes from the daemon.
export const at = Date.UTC(2026, 8, 14, 9, 30);
let ids = 0;
export const id = () => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`;

export class Stage {
	constructor({ name = 'Ann Example', workspace = 'Eddy', features = ['blocks', 'threads'] } = {}) {
		this.features = features;
		this.person = { id: 'local', name };
		this.workspace = workspace;
		this.threads = new Map(); // id → {title, at, frames: [stored], open: [frames]}
		this.tabs = new Set();
		this.got = [];
		this.notice = undefined;
		this.player = (s) => this.#play(s);
	}

	thread({ title = 'A conversation', key = id(), minutes = 0, state = 'active', fork } = {}) {
		const t = { key, title, at: at - minutes * 60000, rev: 0, frames: [], open: [], runs: [], state, fork };
		this.threads.set(key, t);
		return t;
	}

	/** Adds a stored message; blocks or text. */
	say(t, kind, body, more = {}) {
		const blocks = typeof body === 'string' ? body.split('\n\n').map((s) => ({ t: 'p', c: [s] })) : body;
		const f = {
			type: 'message', thread: t.key, rev: ++t.rev, seq: t.rev, message: id(), run: kind === 'eddy' ? id() : null,
			author: { kind, name: kind === 'eddy' ? 'Eddy' : this.person.name }, key: kind === 'person' ? id() : null, at: t.at + t.rev * 20000,
			text: typeof body === 'string' ? body : plain(body), blocks, ...more,
		};
		t.frames.push(f);
		this.cast(f);
		return f;
	}

	/** How a list names it. */
	item(t) {
		return { thread: t.key, title: t.title, at: t.at, rev: t.rev, state: t.state, ...(t.fork ? { fork: t.fork } : {}) };
	}

	/** Something happened to a thread itself. */
	news(t, type = 'thread.updated') {
		this.cast({ type, ...this.item(t) });
	}

	/** To all pages. */
	cast(frame) {
		for (const s of this.tabs) s.send(JSON.stringify(frame));
	}

	#play(s) {
		this.tabs.add(s);
		s.on('close', () => this.tabs.delete(s));
		const say = (f) => s.send(JSON.stringify(f));
		s.on('message', (data) => {
			const f = JSON.parse(String(data));
			this.got.push(f);
			const t = this.threads.get(f.thread);
			if (this.on?.(f, say)) return;
			switch (f.type) {
				case 'hello':
					return say({
						type: 'welcome', session: id(), person: this.person, workspace: this.workspace, version: '0.1.0', features: this.features, notice: this.notice,
						limits: { frame_bytes: 262144, text_bytes: 131072, subscriptions: 64, frames_per_second: 20, burst: 60, idle_ms: 60000, ...this.limits },
					});
				case 'ping':
					return say({ type: 'pong', n: f.n });
				case 'threads': {
					const items = [...this.threads.values()].filter((x) => (!f.of || x.fork?.of === f.of) && (!f.only || x.key === f.only) && (!f.which || (x.state === 'archived') === (f.which === 'archived')));
					return say({ type: 'threads', ...(f.which ? { which: f.which } : {}), ...(f.of ? { of: f.of } : {}), ...(f.only ? { only: f.only } : {}), items: items.sort((a, b) => b.at - a.at).map((x) => this.item(x)), more: false });
				}
				case 'subscribe':
					for (const m of t?.frames ?? []) if (m.rev > (f.after ?? 0)) say(m);
					say({ type: 'subscribed', thread: f.thread, rev: t?.rev ?? 0 });
					for (const o of t?.open ?? []) say(o);
					return;
				case 'history':
					return say({ type: 'history', thread: f.thread, runs: t?.runs ?? [] });
				case 'send': {
					const to = t ?? this.thread({ key: f.thread, title: f.text.slice(0, 60) });
					const m = this.say(to, 'person', f.text, { key: f.client_id });
					return say({ type: 'accepted', client_id: f.client_id, thread: f.thread, message: m.message, run: null, seq: m.seq });
				}
				default:
					if (f.client_id) say({ type: 'accepted', client_id: f.client_id, thread: f.thread, message: null, run: null, seq: 0 });
			}
		});
	}
}

function plain(blocks) {
	return blocks.map((b) => (b.c ?? []).map((i) => (typeof i === 'string' ? i : i.s ?? plain([i]))).join('') || b.s || '').join('\n\n');
}

export const p = (...c) => ({ t: 'p', c });
/** One of everything that an answer can hold. */
export const rich = [
	p('Two things hold up the deploy: ', { t: 'b', c: ['one review'] }, ' and ', { t: 'i', c: ['one slow test'] }, '. The check is ', { t: 'code', s: 'make test' }, ', see ',
		{ t: 'a', href: 'https://ci.example.org/builds/4711', c: ['build 4711'] }, '.'),
	{ t: 'h', n: 3, c: ['What is left'] },
	{ t: 'ul', i: [[p('Ann looks at the change of the retry limit')], [p('Ben repeats the slow test'), { t: 'ol', start: 1, i: [[p('on the small machine')], [p('on the large one')]] }], [p({ t: 's', c: ['Write the note'] }, ' done')]] },
	{ t: 'table', align: ['l', 'r', 'c'], head: [['Service'], ['p95'], ['State']], rows: [[['gateway'], ['41 ms'], ['fine']], [['search'], ['380 ms'], [{ t: 'b', c: ['slow'] }]], [['mail'], ['12 ms'], ['fine']]] },
	{ t: 'code', lang: 'c', s: 'static bool is_due(const struct job *j, uint64_t now_ms)\n{\n\treturn j->state == JOB_WAITING && j->due_ms <= now_ms; /* a line that is long enough to need a scroll bar on a telephone */\n}\n' },
	{ t: 'quote', b: [p('We ship when the tests are green, not before.')] },
	{ t: 'hr' },
	{ t: 'sources', i: [{ href: 'https://chat.example.org/m/1', title: '#deploys, Ben, yesterday' }, { href: 'https://wiki.example.org/retry', title: 'Retry limits' }] },
];
