/*
 * The client's side of eddy.v1 (docs/websocket.md), for page and widget.  It touches no DOM and keeps three promises: what was given to act()
 * reaches the server once and in order, each change of a thread comes out once and in order, and after a cut both go on where they
 * were.  Acts of one thread leave one at a time: the next after the answer to the last, so that a refusal or a cut can't turn them round.
 *
 * What comes out of on(frame): the server's frames, and three of our own:
 *   local.state   {state: connecting | open | offline | denied, retry_ms}
 *   local.outbox  {item: {client_id, frame, state: sending | sent | failed | dropped, error}}
 *   local.reset   {thread}: forget what you show of it, everything comes again
 */
const PROTOCOL = "eddy.v1";
const CONNECT_MS = 15000; // from the first byte to welcome
const PROBE_MS = 6000; // a ping must be answered within
const QUIET_MS = 25000; // silence before we ask
const RESEND_MS = 30000; // an act without an answer goes again: the same client_id is the same act

const LISTED = /^(thread|thread\.updated|fork\.\w+)$/; // about a thread in the list, whether it is followed or not

/** A random UUID, also where the page has no secure context. */
export function uuid() {
	if (crypto.randomUUID) return crypto.randomUUID();
	const b = crypto.getRandomValues(new Uint8Array(16));
	b[6] = (b[6] & 15) | 64;
	b[8] = (b[8] & 63) | 128;
	return [...b].map((x, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + x.toString(16).padStart(2, "0")).join("");
}

const system = {
	now: () => performance.now(), // for spans: a wall clock that is set wrong, or mended, must not hold anything up
	wall: () => Date.now(),
	later: (f, ms) => setTimeout(f, ms),
	cancel: (t) => clearTimeout(t),
};

export class EddySocket {
	/**
	 * url: where to; hello({denied}): gives the hello frame, denied is true after a 4003; it throws {denied: true} when a person has to log
	 * in first, anything else means "try later".  on(frame).  store {load() → items, put(item), remove(client_id)}: keeps acts
	 * over a reload; it may throw.  WebSocket, clock and random are for tests.
	 */
	constructor({ url, hello, on, store, WebSocket, clock, random }) {
		this.url = url;
		this.hello = hello;
		this.on = on;
		this.store = store;
		this.make = WebSocket || globalThis.WebSocket;
		this.clock = clock || system;
		this.random = random || Math.random;
		this.state = "offline";
		this.limits = {};
		this.features = [];
		this.outbox = new Map(); // client_id → item, in the order of acts
		this.threads = new Map(); // thread → {rev, seen, wanted, live, loading, asked}
		this.tries = 0;
	}

	start() {
		if (this.running) return;
		this.running = true;
		this.denied = false;
		if (!this.loaded) {
			this.loaded = true;
			for (const item of this.#stored((s) => s.load()) || [])
				if (!this.outbox.has(item.client_id)) {
					this.outbox.set(item.client_id, { ...item, state: item.state === "failed" ? "failed" : "sending" });
					this.#tell(item.client_id);
				}
		}
		const target = globalThis.addEventListener ? globalThis : null;
		this.wake = () => {
			if (!globalThis.document?.hidden) this.nudge();
		};
		for (const name of ["online", "focus", "pageshow"]) target?.addEventListener(name, this.wake);
		globalThis.document?.addEventListener("visibilitychange", this.wake);
		this.#beat();
		this.#connect();
	}

	/** Leave for good; what was not accepted stays in the store. */
	stop() {
		if (!this.running) return;
		this.running = false;
		for (const name of ["online", "focus", "pageshow"]) globalThis.removeEventListener?.(name, this.wake);
		globalThis.document?.removeEventListener("visibilitychange", this.wake);
		this.clock.cancel(this.beat);
		this.clock.cancel(this.retry);
		this.#drop();
		this.#say("offline");
	}

	/** Something changed outside (network, sleep, a person who looks): connect now, or ask whether the line is alive. */
	nudge() {
		if (!this.running) return;
		if (!this.ws) this.#connect();
		else this.#probe();
	}

	/** Say ${text} in ${thread}; the returned client_id is the message's key. */
	send(thread, text) {
		return this.act({ type: "send", thread, text });
	}

	/** Queue a frame that the server answers with accepted.  Works offline. */
	act(frame) {
		const item = { client_id: uuid(), frame, state: "sending", at: this.clock.wall() };
		item.frame = { ...frame, client_id: item.client_id };
		this.outbox.set(item.client_id, item);
		this.#keep(item);
		this.#tell(item.client_id);
		this.#pump();
		return item.client_id;
	}

	/** Once more after a failure. */
	again(client_id) {
		const item = this.outbox.get(client_id);
		if (!item || item.state !== "failed") return;
		item.state = "sending";
		item.at = this.clock.wall();
		item.error = undefined;
		item.after = 0;
		this.outbox.delete(client_id); // its place is the end now: others have gone by
		this.outbox.set(client_id, item);
		this.#keep(item);
		this.#tell(client_id);
		this.#pump();
	}

	/** Give up an act that failed. */
	discard(client_id) {
		const item = this.outbox.get(client_id);
		if (!item || item.state !== "failed") return;
		this.#finish(item, "dropped");
	}

	/** A frame that nobody keeps (stop, typing, threads, history); false when there is no connection. */
	request(frame) {
		if (this.state !== "open") return false;
		this.#write(frame);
		return true;
	}

	/** Follow ${thread} from where we were. */
	subscribe(thread) {
		const t = this.#thread(thread);
		if (t.wanted) return;
		t.wanted = true;
		if (this.state === "open") this.#ask(thread, t);
	}

	/** Stop following; what was seen is remembered, so that subscribe() brings only what is new. */
	unsubscribe(thread) {
		const t = this.threads.get(thread);
		if (!t?.wanted) return;
		t.wanted = t.live = t.loading = false;
		if (this.state === "open") this.#write({ type: "unsubscribe", thread });
	}

	/** Remember nothing of ${thread}. */
	forget(thread) {
		this.unsubscribe(thread);
		this.threads.delete(thread);
	}

	// ---- the connection ----

	#connect() {
		this.clock.cancel(this.retry);
		this.retry = null;
		this.#say("connecting");
		let ws;
		try {
			ws = new this.make(this.url, PROTOCOL);
		} catch {
			return this.#lost(0);
		}
		this.ws = ws;
		this.heard = this.clock.now();
		const mine = () => this.ws === ws;
		const frame = Promise.resolve().then(() => this.hello({ denied: this.denied }));
		frame.catch(() => {});
		ws.onopen = () =>
			frame.then(
				(f) => mine() && ws.send(JSON.stringify({ ...f, type: "hello" })),
				(e) => mine() && this.#lost(e?.denied ? 4003 : 0, e?.denied),
			);
		ws.onmessage = (e) => {
			if (!mine()) return;
			this.heard = this.clock.now();
			this.clock.cancel(this.probe);
			this.probe = null;
			let f;
			try {
				f = JSON.parse(e.data);
			} catch {
				return;
			}
			if (f && typeof f.type === "string") this.#frame(f);
		};
		ws.onclose = (e) => mine() && this.#lost(e.code);
		ws.onerror = () => {};
		this.deadline = this.clock.later(() => mine() && this.#lost(0), CONNECT_MS);
	}

	#drop() {
		const ws = this.ws;
		this.ws = null;
		this.clock.cancel(this.deadline);
		this.clock.cancel(this.probe);
		this.clock.cancel(this.pacing);
		this.probe = this.pacing = null;
		for (const item of this.outbox.values()) item.flying = 0;
		for (const t of this.threads.values()) t.live = t.loading = false;
		if (!ws) return;
		ws.onopen = ws.onmessage = ws.onclose = null; // a dead line may take a minute to say so; we don't wait
		try {
			ws.close(1000);
		} catch {
			/* it was never open */
		}
	}

	#lost(code, final) {
		this.#drop();
		if (!this.running) return;
		if (code === 4003) {
			if (this.denied || final) {
				this.stop();
				return this.#say("denied");
			}
			this.denied = true;
			return this.#connect();
		}
		const wait = 1000 + Math.floor(this.random() * Math.min(29000, 1000 * 2 ** Math.min(this.tries++, 10)));
		this.retry = this.clock.later(() => this.running && !this.ws && this.#connect(), wait);
		this.#say("offline", wait);
	}

	#say(state, retry_ms) {
		this.state = state;
		this.on({ type: "local.state", state, retry_ms });
	}

	/* One slow clock: notices silence, sleep (the clock has jumped) and acts that nobody answered. */
	#beat() {
		const at = this.clock.wall();
		this.beat = this.clock.later(() => {
			if (Math.abs(this.clock.wall() - at) > 30000) this.nudge();
			if (this.clock.now() - this.heard > QUIET_MS) this.#probe();
			this.#pump();
			this.#beat();
		}, 10000);
	}

	#probe() {
		if (this.probe || this.state !== "open") return;
		const ws = this.ws;
		this.#write({ type: "ping" });
		this.probe = this.clock.later(() => this.ws === ws && this.#lost(0), PROBE_MS);
	}

	#write(frame) {
		this.#refill();
		this.tokens--;
		this.ws.send(JSON.stringify(frame));
	}

	// ---- what comes ----

	#frame(f) {
		switch (f.type) {
			case "welcome":
				this.clock.cancel(this.deadline);
				this.tries = 0;
				this.denied = false;
				this.limits = f.limits || {};
				this.features = f.features || [];
				this.tokens = this.limits.burst || 60;
				this.filled = this.clock.now();
				this.state = "open";
				this.on(f);
				this.#say("open");
				for (const [id, t] of this.threads) if (t.wanted && !t.live) this.#ask(id, t);
				return this.#pump();
			case "message":
			case "edited":
			case "deleted":
				if (this.#fresh(f)) this.on(f);
				return;
			case "subscribed": {
				const t = this.threads.get(f.thread);
				if (!t?.wanted) return;
				if (t.loading && f.rev < t.asked) this.#reset(f.thread, t);
				t.rev = Math.max(t.rev, f.rev);
				t.loading = false;
				return this.on(f);
			}
			case "accepted": {
				const item = this.outbox.get(f.client_id);
				this.on(f);
				if (item) this.#finish(item, "sent");
				return this.#pump();
			}
			case "erased":
				this.threads.delete(f.thread);
				for (const item of [...this.outbox.values()])
					if (item.frame.thread === f.thread && item.frame.type !== "erase") this.#finish(item, "dropped");
				return this.on(f);
			case "error":
				return this.#error(f);
			case "pong":
				return;
			default:
				if (f.thread && this.threads.has(f.thread) && !this.threads.get(f.thread).wanted && !LISTED.test(f.type)) return;
				this.on(f);
		}
	}

	/* Each change once, in order.  A change from before our mark can only mean that the server's past is another one. */
	#fresh(f) {
		const t = this.threads.get(f.thread);
		if (!t?.wanted) return false;
		if (t.loading && f.rev <= t.asked) this.#reset(f.thread, t);
		if ((t.seen.get(f.message) || 0) >= f.rev) return false;
		t.seen.set(f.message, f.rev);
		t.rev = Math.max(t.rev, f.rev);
		return true;
	}

	#reset(thread, t) {
		t.rev = t.asked = 0;
		t.seen.clear();
		this.on({ type: "local.reset", thread });
	}

	#error(f) {
		const item = f.client_id && this.outbox.get(f.client_id);
		const later = f.code === "busy" || f.code === "rate";
		if (item && later) {
			item.flying = 0;
			item.tries = (item.tries || 0) + 1;
			this.#hold([item], f.retry_after_ms || Math.min(10000, 250 * 2 ** item.tries));
		} else if (item && f.code !== "hello_first" && f.code !== "denied") {
			item.state = "failed";
			item.error = { code: f.code, message: f.message };
			item.flying = 0;
			this.#keep(item);
			this.#tell(item.client_id);
			this.#pump();
		} else if (f.code === "rate") {
			// It does not say which frame it was: all that are under way go again.
			const flying = [...this.outbox.values()].filter((i) => i.flying);
			for (const i of flying) i.flying = 0;
			this.tokens = 0;
			this.#hold(flying, f.retry_after_ms || 2000);
			for (const [id, t] of this.threads) if (t.loading) this.clock.later(() => this.#asksAgain(id, t), 2500);
		}
		this.on(f);
	}

	#asksAgain(id, t) {
		if (this.state === "open" && this.threads.get(id) === t && t.wanted && t.loading) this.#ask(id, t);
	}

	#hold(items, ms) {
		for (const i of items) i.after = this.clock.now() + ms;
		this.clock.later(() => this.#pump(), ms + 1);
	}

	// ---- what goes ----

	#thread(id) {
		let t = this.threads.get(id);
		if (!t) this.threads.set(id, (t = { rev: 0, seen: new Map(), wanted: false, live: false, loading: false, asked: 0 }));
		return t;
	}

	#ask(thread, t) {
		t.live = t.loading = true;
		t.asked = t.rev;
		this.#write({ type: "subscribe", thread, after: t.rev });
	}

	/* We stay below the server's rate by ourselves. */
	#refill() {
		const now = this.clock.now();
		const rate = (this.limits.frames_per_second || 20) * 0.8;
		this.tokens = Math.min((this.limits.burst || 60) * 0.8, this.tokens + (Math.max(0, now - this.filled) / 1000) * rate);
		this.filled = now;
	}

	#pump() {
		if (this.state !== "open") return;
		const now = this.clock.now();
		const busy = new Set();
		for (const item of this.outbox.values()) {
			const thread = item.frame.thread;
			if (item.state === "failed" || busy.has(thread)) continue;
			busy.add(thread);
			if ((item.flying && now - item.flying < RESEND_MS) || item.after > now) continue;
			this.#refill();
			if (this.tokens < 1) {
				this.pacing ||= this.clock.later(() => {
					this.pacing = null;
					this.#pump();
				}, 100);
				return;
			}
			item.flying = now;
			this.#write(item.frame);
		}
	}

	#finish(item, state) {
		this.outbox.delete(item.client_id);
		this.#stored((s) => s.remove(item.client_id));
		item.state = state;
		this.on({ type: "local.outbox", item: { ...item } });
	}

	#tell(client_id) {
		this.on({ type: "local.outbox", item: { ...this.outbox.get(client_id) } });
	}

	#keep({ client_id, frame, state, error, at }) {
		this.#stored((s) => s.put({ client_id, frame, state, error, at }));
	}

	/* Storage may be full or forbidden: memory goes on. */
	#stored(f) {
		try {
			return this.store && f(this.store);
		} catch {
			return undefined;
		}
	}
}
