/*
 * What is known of one conversation, without any DOM: messages by seq, what was said here and is not stored yet, and the answers
 * that are being written.  apply() takes the frames that socket.js lets through; whoever draws asks for items() afterwards.  Every item
 * has a key that stays the same for its life (also from "sending" to stored) and a stamp that grows when it has to be drawn again.
 */
const ENDED = new Set(["answered", "failed", "stopped", "abandoned"]);

export class Thread {
	constructor(id) {
		this.id = id;
		this.clear();
		this.local = new Map(); // client_id → {text, at, state, error}: sent here, not stored yet
		this.acts = new Map(); // client_id → what an edit or a delete is about
	}

	clear() {
		this.messages = []; // by seq
		this.byId = new Map();
		this.open = new Map(); // run → {run, attempt, blocks, text, status, tools, stamp}
		this.runs = new Map(); // run → state
		this.waiting = new Map(); // components of messages that are not here yet
		this.ready = false; // everything that is stored has come
		this.typing = null;
		this.stamp = 1;
	}

	/** What the frame changed: "" nothing, "open" only an answer in the making, "all". */
	apply(f) {
		switch (f.type) {
			case "message":
			case "edited":
			case "deleted":
				return this.#message(f);
			case "subscribed":
				this.ready = true;
				// What is open is told right after this; what we still have is over.
				this.open.clear();
				return "all";
			case "local.reset":
				this.clear();
				return "all";
			case "local.outbox":
				return this.#outbox(f.item);
			case "accepted": {
				if (f.run && !ENDED.has(this.runs.get(f.run)) && !f.duplicate && !this.#answered(f.run)) this.#run(f.run);
				return "all";
			}
			case "open": {
				const o = this.#run(f.run);
				Object.assign(o, { attempt: f.attempt, text: f.text || "", blocks: f.blocks || null, final: 0, status: f.status || "" });
				o.tools = new Map((f.tools || []).map((t) => [t.step, t]));
				return this.#grown(o);
			}
			case "delta": {
				const o = this.#run(f.run);
				if (o.attempt !== f.attempt) Object.assign(o, { attempt: f.attempt, text: "", blocks: null });
				o.text += f.text;
				o.status = "";
				return this.#grown(o);
			}
			case "blocks": {
				const o = this.#run(f.run);
				if (o.attempt !== f.attempt) Object.assign(o, { attempt: f.attempt, text: "", blocks: null });
				o.blocks ||= [];
				if (f.from > o.blocks.length) return ""; // a part went missing: the message will come whole
				o.blocks.splice(f.from, Infinity, ...f.blocks);
				o.final = f.final;
				o.status = "";
				return this.#grown(o);
			}
			case "stream.reset": {
				const o = this.#run(f.run);
				Object.assign(o, { attempt: f.attempt, text: "", blocks: null, final: 0 });
				return this.#grown(o);
			}
			case "status": {
				if (!f.text && !this.open.has(f.run)) return "";
				const o = this.#run(f.run);
				o.status = f.text;
				return this.#grown(o);
			}
			case "tool": {
				const o = this.#run(f.run);
				o.tools.set(f.step, f);
				return this.#grown(o);
			}
			case "run": {
				this.runs.set(f.run, f.state);
				if (!ENDED.has(f.state)) this.#run(f.run);
				else if (f.state !== "answered") this.#end(f.run, f.state);
				this.#touchRun(f.run);
				return "all";
			}
			case "components": {
				const m = this.byId.get(f.message);
				if (m) {
					m.components = f.components;
					m.stamp++;
				} else if (f.message) this.waiting.set(f.message, f.components);
				return "all";
			}
			default:
				return "";
		}
	}

	/** Everything to show, in order. */
	items() {
		const out = [];
		const over = [...this.open.values()].filter((o) => o.over);
		const taken = new Set();
		const item = (o) => {
			const key = taken.has(`r:${o.run}`) ? `o:${o.run}` : `r:${o.run}`;
			taken.add(key);
			return { kind: "open", key, stamp: o.stamp, o };
		};
		for (const m of this.messages) {
			while (over.length && over[0].seq < m.seq) out.push(item(over.shift()));
			// An answer keeps the place in which it grew; a second message of the same run has its own.
			let key = m.key ? `k:${m.key}` : m.run && m.author?.kind !== "person" ? `r:${m.run}` : `m:${m.message}`;
			if (taken.has(key)) key = `m:${m.message}`;
			taken.add(key);
			out.push({ kind: "message", key, stamp: m.stamp, m });
		}
		out.push(...over.map(item));
		for (const [client_id, l] of this.local)
			if (!this.byKey(client_id)) out.push({ kind: "local", key: `k:${client_id}`, stamp: l.stamp, l: { ...l, client_id } });
		for (const o of this.open.values()) if (!o.over) out.push(item(o));
		return out;
	}

	byKey(key) {
		return this.messages.findLast((m) => m.key === key);
	}

	/** Is an answer being written, or about to be? */
	get busy() {
		for (const o of this.open.values()) if (!o.over) return true;
		return false;
	}

	get empty() {
		return !this.messages.length && !this.local.size && !this.open.size;
	}

	#message(f) {
		const old = this.byId.get(f.message);
		const m = { ...old, ...f, stamp: (old?.stamp || 0) + 1 };
		if (f.type !== "message" && !f.blocks) delete m.blocks;
		if (f.type === "deleted") m.deleted = true;
		if (old) {
			// A change tells what is new; whose message it is and when it came stays.
			m.key = f.key ?? old.key;
			m.run = f.run ?? old.run;
			m.at = old.at;
			if (!f.author?.name) m.author = old.author;
		}
		m.pending = null;
		if (this.waiting.has(f.message)) {
			m.components = this.waiting.get(f.message);
			this.waiting.delete(f.message);
		}
		if (m.run && m.author?.kind !== "person") {
			const o = this.open.get(m.run);
			m.stamp += o?.stamp || 0; // it is drawn where that one is
			if (o?.tools.size) m.tools = o.tools;
			this.open.delete(m.run);
			if (!this.runs.has(m.run)) this.runs.set(m.run, m.failed ? "failed" : "answered");
		}
		this.byId.set(f.message, m);
		let at = this.messages.length;
		if (old) at = this.messages.indexOf(old);
		else while (at > 0 && this.messages[at - 1].seq > m.seq) at--;
		this.messages.splice(at, old ? 1 : 0, m);
		if (m.key) this.local.delete(m.key);
		return "all";
	}

	#outbox(item) {
		const { frame, client_id, state } = item;
		if (frame.type === "send") {
			// A sent message stays until its stored form comes; it may already be there.
			if (state === "dropped" || this.byKey(client_id)) this.local.delete(client_id);
			else {
				const l = this.local.get(client_id);
				this.local.set(client_id, { text: frame.text, at: item.at, state, error: item.error, stamp: (l?.stamp || 0) + 1 });
			}
			return "all";
		}
		if (frame.type === "edit" || frame.type === "delete") {
			const m = this.byKey(frame.key);
			if (!m) return "";
			if (state === "sent" || state === "dropped") m.pending = null;
			else m.pending = { type: frame.type, text: frame.text, client_id, state, error: item.error };
			m.stamp++;
			return "all";
		}
		return "";
	}

	#answered(run) {
		return this.messages.some((m) => m.run === run && m.author?.kind !== "person");
	}

	#run(run) {
		let o = this.open.get(run);
		if (!o) {
			o = { run, attempt: 0, text: "", blocks: null, final: 0, status: "", tools: new Map(), stamp: 1, over: null };
			this.open.set(run, o);
		}
		return o;
	}

	#grown(o) {
		o.stamp++;
		o.over = null;
		return "open";
	}

	/* Stopped or given up: what was shown stays, closed; a run that had shown nothing leaves. */
	#end(run, state) {
		const o = this.open.get(run);
		if (!o) return;
		if (!o.text && !o.blocks?.length && state === "abandoned") this.open.delete(run);
		else {
			o.over = state; // a failed one's message says why and takes its place
			o.seq = this.messages.at(-1)?.seq || 0;
			o.status = "";
			o.stamp++;
		}
	}

	#touchRun(run) {
		for (const m of this.messages) if (m.run === run) m.stamp++;
	}
}
