// A server of eddy.v1 and a clock, both in memory: time passes only when a test says so, lines can be cut at any frame.
export class Clock {
	constructor() {
		this.t = 0;
		this.skew = 0;
		this.list = [];
		this.n = 0;
	}
	now() {
		return this.t;
	}
	wall() {
		return 1.7e12 + this.t + this.skew;
	}
	later(f, ms) {
		const e = { at: this.t + ms, n: this.n++, f };
		this.list.push(e);
		return e;
	}
	cancel(e) {
		const i = this.list.indexOf(e);
		if (i >= 0) this.list.splice(i, 1);
	}
	/** Let ${ms} go by; promises get their turn between events. */
	async pass(ms) {
		const end = this.t + ms;
		for (;;) {
			await settle();
			let first = null;
			for (const e of this.list) if (e.at <= end && (!first || e.at < first.at || (e.at === first.at && e.n < first.n))) first = e;
			if (!first) break;
			this.cancel(first);
			this.t = Math.max(this.t, first.at);
			first.f();
		}
		this.t = end;
		await settle();
	}
}
async function settle() {
	for (let i = 0; i < 6; i++) await null;
}

/** Numbers that are the same in every run. */
export function dice(seed) {
	let s = seed >>> 0;
	return () => {
		s = (s + 0x6d2b79f5) >>> 0;
		let t = Math.imul(s ^ (s >>> 15), 1 | s);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

export class Server {
	constructor(clock) {
		this.clock = clock;
		this.up = true;
		this.token = "good";
		this.links = new Set();
		this.threads = new Map(); // thread → {rev, messages}
		this.log = []; // every frame that came
		this.busy = () => 0; // ms, for an act
		this.welcome = {};
		const server = this;
		this.WebSocket = class {
			constructor(url, protocol) {
				this.url = url;
				this.protocol = protocol;
				server.tried = (server.tried || 0) + 1;
				if (server.silent) return;
				clock.later(() => (server.up ? this.#opened() : this.end(1006)), 1);
			}
			#opened() {
				server.links.add(this);
				this.subs = new Set();
				this.onopen?.();
			}
			send(text) {
				if (server.links.has(this)) clock.later(() => server.links.has(this) && server.take(this, JSON.parse(text)), 1);
			}
			close() {
				server.links.delete(this);
			}
			end(code) {
				server.links.delete(this);
				this.onclose?.({ code });
			}
			say(f) {
				const text = JSON.stringify(f);
				clock.later(() => server.links.has(this) && this.onmessage?.({ data: text }), 1);
			}
		};
	}
	thread(id) {
		if (!this.threads.has(id)) this.threads.set(id, { rev: 0, messages: [] });
		return this.threads.get(id);
	}
	cut(code = 1006) {
		for (const l of [...this.links]) l.end(code);
	}
	count(type) {
		return this.log.filter((f) => f.type === type).length;
	}
	toAll(thread, f) {
		for (const l of this.links) if (l.subs.has(thread)) l.say(f);
	}
	post(thread, text, key = null, more = {}) {
		const t = this.thread(thread);
		const rev = ++t.rev;
		const m = { type: "message", thread, rev, seq: rev, message: `${thread}/${rev}`, run: null, author: { kind: key ? "person" : "eddy" }, key, text, ...more };
		t.messages.push(m);
		this.toAll(thread, m);
		return m;
	}
	change(thread, m, text) {
		const t = this.thread(thread);
		Object.assign(m, { type: text === null ? "deleted" : "edited", rev: ++t.rev, text: text ?? "" });
		this.toAll(thread, m);
	}
	take(link, f) {
		this.log.push(f);
		if (this.deaf?.(f)) return;
		switch (f.type) {
			case "hello":
				if (f.token !== this.token) {
					link.say({ type: "error", code: "denied" });
					this.clock.later(() => link.end(4003), 2);
					return;
				}
				return link.say({ type: "welcome", person: { id: "p", name: "Ann" }, limits: { frames_per_second: 1e6, burst: 1e6 }, ...this.welcome });
			case "subscribe": {
				const t = this.thread(f.thread);
				link.subs.add(f.thread);
				const from = f.after > t.rev ? 0 : f.after;
				for (const m of [...t.messages].sort((a, b) => a.rev - b.rev)) if (m.rev > from) link.say(m);
				return link.say({ type: "subscribed", thread: f.thread, rev: t.rev });
			}
			case "unsubscribe":
				return link.subs.delete(f.thread);
			case "ping":
				return link.say({ type: "pong" });
			case "send": {
				const wait = this.busy(f);
				if (wait) return link.say({ type: "error", code: "busy", message: "later", client_id: f.client_id, retry_after_ms: wait });
				if (f.text === "refuse me") return link.say({ type: "error", code: "refused", message: "no", client_id: f.client_id });
				const t = this.thread(f.thread);
				const old = t.messages.find((m) => m.key === f.client_id);
				const m = old || this.post(f.thread, f.text, f.client_id);
				return link.say({ type: "accepted", client_id: f.client_id, thread: f.thread, message: m.message, run: null, seq: m.seq, duplicate: !!old });
			}
		}
	}
}
