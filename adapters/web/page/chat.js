/*
 * The element eddy-chat: one conversation and the box to write in.  What is said lives in a Thread (thread.js); here it is drawn.  Drawing is
 * keyed: an item that did not change is not touched, a growing answer gets only its last blocks anew, and a message that was
 * "sending" becomes the stored one in place.
 *
 * Whoever embeds it calls setup({socket, words, person, drafts, notice}), show(thread) and frame(f) for each frame of the socket.  forks, if
 * given, knows of side threads: about(thread, message) lists them, start(thread, message, text) begins one, go(address) opens what an address
 * of this page names and says whether it is one, active(thread) is false where drafts are over.
 */
import { plain, showBlocks } from "./blocks.js";
import sheet from "./chat-style.js";
import { showComponents } from "./components.js";
import { ask, copyText, h, icon, mark, ticked, tool } from "./dom.js";

const WINDOW = 80; // messages drawn at first; more on demand
const NEAR = 56; // so close to the end (px) we stay there
const offers = (m, action) => m?.components?.find?.((c) => c?.action === action);
const isDraft = (m) => !!offers(m, "fork.edit");
const resolutionOf = (m) => offers(m, "fork.resolution");

export class EddyChat extends HTMLElement {
	constructor() {
		super();
		this.attachShadow({ mode: "open", delegatesFocus: false }).adoptedStyleSheets = [sheet];
		this.nodes = new Map(); // key → {el, stamp, …}
		this.feedback = new Map(); // message → {value, asking}
		this.stick = true;
		this.limit = WINDOW;
		this.features = new Set();
	}

	setup({ socket, words, person, drafts, notice, forks = null, blank = true }) {
		Object.assign(this, { socket, words, person, drafts, notice, forks, greets: blank });
		if (!this.box) this.#build();
		this.#label();
		this.#redraw();
	}

	/** Show ${thread} (a Thread). */
	show(thread) {
		if (this.thread === thread) return;
		this.#keepDraft();
		this.thread = thread;
		this.nodes.clear();
		this.log.replaceChildren(this.earlier);
		this.limit = WINDOW;
		this.stick = true;
		this.editing = this.wanted = null;
		this.heard = new Set(thread.open.keys());
		this.input.value = this.drafts?.get(thread.id) || "";
		this.#grow();
		this.#draw();
	}

	/** It goes away: what is in the box is kept. */
	leave() {
		this.#keepDraft();
	}

	focus() {
		this.input?.focus();
	}

	/** To the conversation instead of the box. */
	look() {
		this.scroll?.focus({ preventScroll: true });
	}

	/** A frame of the socket: of this thread, or about the connection. */
	frame(f) {
		if (f.type === "welcome") {
			this.features = new Set(f.features || []);
			this.limits = f.limits || {};
		}
		if (f.type === "local.state") return this.#connection(f);
		const thread = f.thread || f.item?.frame?.thread;
		if (!this.thread || thread !== this.thread.id) return;
		if (f.type === "typing") return this.#typing(f);
		if (f.type === "local.outbox" && f.item.state === "failed") this.#announce(this.words.t("failed"));
		const wasBusy = this.thread.busy;
		const what = this.thread.apply(f);
		if (!what) return;
		if (f.type === "message") this.#hear(f);
		if (!wasBusy && this.thread.busy && this.thread.ready) this.#announce(this.words.t("answering"));
		this.#soon();
	}

	/** What is known of side threads has changed. */
	refresh() {
		if (this.thread) this.#draw();
	}

	/** To what leads to the side thread ${id}, else to the box. */
	toFork(id) {
		const chip = this.shadowRoot.querySelector(`[data-name="fork-${id}"]`);
		if (chip) chip.focus();
		else this.focus();
	}

	/** To the message with this id or key, as soon as it is here. */
	jump(name) {
		this.wanted = name;
		this.#found();
	}

	#found() {
		const m = this.wanted && this.thread.messages.find((x) => x.message === this.wanted || x.key === this.wanted);
		if (!m) {
			if (this.thread.ready) this.wanted = null;
			return;
		}
		if (this.thread.messages.length - this.thread.messages.indexOf(m) > this.limit - 20) this.limit = this.thread.items().length;
		this.wanted = null;
		this.stick = false;
		this.#draw();
		const el = [...this.nodes.values()].find((n) => n.item?.m === m)?.el;
		if (!el) return;
		el.tabIndex = -1;
		el.focus({ preventScroll: true });
		el.scrollIntoView({ block: "center" });
		el.classList.add("found");
		setTimeout(() => el.classList.remove("found"), 2400);
	}

	/** Put ${text} into the box. */
	write(text) {
		this.input.value = text;
		this.#grow();
		this.#keepDraft();
		this.#buttons();
		this.input.focus();
	}

	// ---- the frame around ----

	#build() {
		this.earlier = h("button", { type: "button", class: "button earlier", hidden: true, onclick: () => this.#more() });
		this.log = h("div", { class: "log" }, this.earlier);
		this.blank = h("div", { class: "empty", hidden: true });
		this.loading = h("div", { class: "loading", hidden: true });
		this.scroll = h("div", { class: "scroll", part: "messages", tabindex: "0", role: "log", "aria-live": "off" }, this.loading, this.blank, this.log);
		this.banner = h("div", { class: "banner", part: "banner", role: "status" });
		this.banner.hidden = true;
		this.live = h("div", { class: "offscreen", "aria-live": "polite", role: "status" });
		this.input = h("textarea", { rows: "1", part: "input", dir: "auto", autocomplete: "off", enterkeyhint: "send", id: "say" });
		this.sendButton = h("button", { type: "submit", class: "round send", part: "send" }, icon("send", 20));
		this.stopButton = h("button", { type: "button", class: "round stop", part: "stop", hidden: true, onclick: () => this.#stop() }, icon("stop", 20));
		this.latest = h("button", { type: "button", class: "button latest", hidden: true, onclick: () => {
			this.#toEnd();
			this.scroll.focus({ preventScroll: true }); // the button is gone
		} });
		this.typist = h("div", { class: "typing", role: "status", hidden: true });
		this.hint = h("span", { class: "hint" });
		this.legal = h("span", { part: "notice" });
		this.problem = h("span", { class: "bad", role: "alert" });
		this.box = h("form", { class: "composer", part: "composer" }, this.latest, this.typist,
			h("div", { class: "box-in", part: "box" }, this.input, this.stopButton, this.sendButton),
			h("div", { class: "under" }, this.problem, this.legal, this.hint));
		this.shadowRoot.append(h("div", { class: "chat", part: "chat" }, this.banner, this.scroll, this.box, this.live));

		this.shadowRoot.addEventListener("click", (e) => {
			const a = e.target.closest("a[href]");
			if (a && !e.defaultPrevented && !e.ctrlKey && !e.metaKey && !e.shiftKey && this.forks?.go(a.href)) e.preventDefault();
		});
		this.box.addEventListener("submit", (e) => {
			e.preventDefault();
			this.#send();
		});
		this.input.addEventListener("input", () => {
			this.#grow();
			this.#buttons();
			this.#saySo();
			clearTimeout(this.keeping);
			this.keeping = setTimeout(() => this.#keepDraft(), 150);
		});
		this.input.addEventListener("keydown", (e) => this.#key(e));
		this.shadowRoot.addEventListener("keydown", (e) => {
			if (e.key === "Escape" && !e.defaultPrevented && !e.isComposing && !e.target.closest("dialog")) this.#escape(e);
		});
		addEventListener("pagehide", () => this.#keepDraft());
		this.box.querySelector(".box-in").addEventListener("pointerdown", (e) => {
			if (e.target.matches(".box-in")) {
				e.preventDefault();
				this.input.focus();
			}
		});
		this.scroll.addEventListener("scroll", () => {
			const s = this.scroll;
			this.stick = s.scrollHeight - s.scrollTop - s.clientHeight < NEAR;
			this.latest.hidden = this.stick;
			if (s.scrollTop < 120 && !this.earlier.hidden && !this.stick) this.#more();
		}, { passive: true });
		const stay = new ResizeObserver(() => this.stick && this.#toEnd());
		stay.observe(this.scroll);
		stay.observe(this.log);
	}

	#label() {
		const { t } = this.words;
		this.scroll.setAttribute("aria-label", t("conversation"));
		this.input.setAttribute("aria-label", t("message_to"));
		this.input.placeholder = t("placeholder");
		for (const [b, key] of [[this.sendButton, "send"], [this.stopButton, "stop"]]) {
			b.setAttribute("aria-label", t(key));
			b.title = t(key);
		}
		this.earlier.textContent = t("earlier");
		this.latest.replaceChildren(icon("down2", 16), t("latest"));
		this.hint.textContent = t("hint");
		this.legal.textContent = this.notice === "" ? "" : this.notice || t("notice");
		this.loading.textContent = t("loading");
		const name = this.person?.name;
		this.blank.replaceChildren(mark(44), h("h2", null, name ? t("hello", { name }) : t("hello_nobody")), h("p", null, t("hello_more")),
			h("div", { class: "suggest" }, ["suggest_1", "suggest_2", "suggest_3", "suggest_4"].map((k) =>
				h("button", { type: "button", class: "button", onclick: () => this.write(t(k)) }, t(k)))));
	}

	/* Offline is shown after a moment only: a short cut needs nobody's attention. */
	#connection({ state }) {
		clearTimeout(this.bannerTimer);
		const { t } = this.words;
		if (this.thread?.local.size && (state === "open" || state === "offline")) {
			for (const l of this.thread.local.values()) l.stamp++; // "sending" or "waiting"
			this.#soon();
		}
		if (state === "open") {
			if (!this.banner.hidden) this.#announce(t("online"));
			if (this.banner.contains(this.shadowRoot.activeElement)) this.input.focus();
			this.banner.hidden = true;
			return;
		}
		if (state === "denied") {
			this.banner.hidden = true;
			return;
		}
		const show = () => {
			this.banner.replaceChildren(h("span", null, t(this.thread?.ready || state === "offline" ? "offline" : "connecting")),
				h("button", { type: "button", class: "linkish", onclick: () => this.socket.nudge() }, t("try_now")));
			this.banner.hidden = false;
		};
		if (this.banner.hidden) this.bannerTimer = setTimeout(show, 1200);
	}

	#typing(f) {
		const name = f.person?.name || f.name;
		if (!name) return;
		this.typist.textContent = this.words.t("typing", { name });
		this.typist.hidden = false;
		clearTimeout(this.typistTimer);
		this.typistTimer = setTimeout(() => (this.typist.hidden = true), 5000);
	}

	#announce(text) {
		this.live.textContent = "";
		setTimeout(() => (this.live.textContent = text), 30);
	}

	/* A finished answer is read out once, whole; while it grows nothing is. */
	#hear(f) {
		if (!this.thread.ready) return;
		if (!f.key) this.typist.hidden = true;
		if (f.author?.kind === "person") return;
		const text = f.blocks ? f.blocks.map((b) => plain(b)).join("\n") : f.text;
		this.#announce(`${f.author?.name || this.words.t("eddy")}: ${String(text).slice(0, 4000)}`);
	}

	// ---- writing ----

	#key(e) {
		if (e.isComposing || e.keyCode === 229) return; // an input method has the word
		if (e.key === "Enter" && !e.shiftKey && !e.ctrlKey && !e.altKey && !e.metaKey) {
			if (matchMedia("(pointer: coarse) and (hover: none)").matches) return; // a phone's keyboard has no Shift+Enter
			e.preventDefault();
			this.#send();
		} else if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
			e.preventDefault();
			this.#send();
		} else if (e.key === "ArrowUp" && !this.input.value && !e.shiftKey && !e.ctrlKey && !e.altKey && !e.metaKey) {
			const m = this.thread.messages.findLast((x) => x.key && !x.deleted && x.author?.kind === "person");
			if (!m) return;
			e.preventDefault();
			this.#edit(m);
		}
	}

	#escape(e) {
		if (this.editing) this.#edit(null);
		else if (this.thread?.busy) this.#stop();
		else return;
		e.preventDefault();
		e.stopPropagation();
	}

	#send() {
		const text = this.input.value.trim();
		if (!text || !this.thread) return;
		const over = this.#over(text);
		if (over) {
			this.problem.textContent = this.words.t("too_long", { n: over });
			return;
		}
		this.problem.textContent = "";
		this.input.value = "";
		this.#keepDraft();
		this.#grow();
		this.stick = true;
		this.typedAt = 0;
		this.socket.send(this.thread.id, text);
		this.dispatchEvent(new CustomEvent("eddy-sent", { detail: { thread: this.thread.id, text } }));
		this.input.focus();
	}

	#over(text) {
		const max = this.limits?.text_bytes || 131072;
		return text.length * 3 <= max ? 0 : Math.max(0, new TextEncoder().encode(text).length - max);
	}

	#stop() {
		this.socket.request({ type: "stop", thread: this.thread.id });
		this.input.focus();
	}

	#saySo() {
		this.problem.textContent = "";
		if (!this.features.has("threads") || !this.input.value || Date.now() - (this.typedAt || 0) < 3000) return;
		this.typedAt = Date.now();
		this.socket.request({ type: "typing", thread: this.thread.id });
	}

	#grow(area = this.input) {
		area.style.height = "auto";
		area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
	}

	#keepDraft() {
		clearTimeout(this.keeping);
		if (this.thread && this.isConnected) this.drafts?.set(this.thread.id, this.input.value); // who has logged out leaves none
	}

	/** The draft of ${thread} was changed elsewhere. */
	draft(thread, text) {
		if (thread !== this.thread?.id || this.shadowRoot.activeElement === this.input) return;
		this.input.value = text || "";
		this.#grow();
		this.#buttons();
	}

	#buttons() {
		const busy = !!this.thread?.busy;
		const text = !!this.input.value.trim();
		this.stopButton.hidden = !busy;
		this.sendButton.hidden = busy && !text;
		this.sendButton.disabled = !text;
	}

	// ---- drawing ----

	/* Frames of a load come by the thousand and are drawn once; live ones at once. */
	#soon() {
		if (this.drawing) return;
		this.drawing = true;
		const now = () => {
			this.drawing = false;
			this.#draw();
		};
		if (this.thread.ready) queueMicrotask(now);
		else setTimeout(now, 120);
	}

	#redraw() {
		if (!this.thread) return;
		this.nodes.clear();
		this.log.replaceChildren(this.earlier);
		this.#draw();
	}

	#draw() {
		const { thread } = this;
		if (!thread) return;
		this.blank.hidden = !(this.greets && thread.empty && (thread.ready || thread.fresh));
		this.loading.hidden = !(thread.empty && !thread.ready && !thread.fresh);
		this.log.hidden = thread.empty;
		const all = thread.items();
		const items = all.slice(-this.limit);
		this.earlier.hidden = items.length === all.length;
		const known = new Set();
		let at = this.earlier;
		let day = "";
		const last = items.findLast((i) => i.kind === "message" && i.m.author?.kind !== "person");
		const mine = items.findLast((i) => i.kind === "local" || i.m?.key);
		const draft = items.findLast((i) => isDraft(i.m));
		for (const item of items) {
			const time = item.m?.at ?? item.l?.at;
			if (time) {
				const text = this.words.day(time);
				if (text !== day) {
					day = text;
					at = this.#place(at, { kind: "day", key: `d:${new Date(time).toDateString()}`, stamp: text, text }, known);
				}
			}
			item.last = item === last || item === mine || item.kind === "open";
			item.forks = (item.m && this.forks?.about(this.thread.id, item.m.message)) || [];
			item.over = isDraft(item.m) && (item !== draft || this.forks?.active(this.thread.id) === false);
			at = this.#place(at, item, known);
		}
		for (const [key, node] of this.nodes)
			if (!known.has(key)) {
				node.el.remove();
				this.nodes.delete(key);
			}
		this.#buttons();
		if (this.stick) this.#toEnd();
		this.latest.hidden = this.stick || thread.empty;
		if (this.wanted) queueMicrotask(() => this.#found());
	}

	#place(at, item, known) {
		known.add(item.key);
		let node = this.nodes.get(item.key);
		const stamp = `${item.kind}:${item.stamp}:${item.last}:${item.over}:${item.forks?.map((f) => f.title + f.fork.n + f.fork.state).join()}`;
		if (!node) {
			node = { el: item.kind === "day" ? h("div", { class: "day" }, item.text) : h("article", { class: "msg" }), stamp: "" };
			this.nodes.set(item.key, node);
			if (this.thread.ready && item.kind !== "day") node.fresh = true;
		}
		if (at.nextElementSibling !== node.el) at.after(node.el);
		if (node.stamp !== stamp && item.kind !== "day") {
			node.stamp = stamp;
			node.item = item;
			const inside = node.el.contains(this.shadowRoot.activeElement) ? this.shadowRoot.activeElement.dataset.name : null;
			if (item.kind === "local" || item.m?.author?.kind === "person") this.#drawPerson(node, item);
			else this.#drawEddy(node, item);
			if (node.fresh) node.el.classList.add("new");
			if (inside) node.el.querySelector(`[data-name="${inside}"]`)?.focus();
		}
		return node.el;
	}

	#toEnd() {
		this.stick = true;
		this.latest.hidden = true;
		this.scroll.scrollTop = this.scroll.scrollHeight;
	}

	#more() {
		const before = this.scroll.scrollHeight - this.scroll.scrollTop;
		this.limit += WINDOW;
		this.stick = false;
		this.#draw();
		this.scroll.scrollTop = this.scroll.scrollHeight - before;
	}

	#time(ms) {
		return h("time", { datetime: new Date(ms).toISOString(), title: this.words.full(ms) }, this.words.clock(ms));
	}

	#drawPerson(node, item) {
		const { t } = this.words;
		const { m } = item;
		const l = item.l || m.pending;
		const mine = !m || !!m.key;
		const state = item.l ? item.l.state : m.pending ? m.pending.state : "stored";
		const gone = m?.deleted;
		const { el } = node;
		el.className = `msg person ${mine ? "mine" : "other"}${state === "failed" ? " failed" : ""}${gone ? " gone" : ""}${state === "sending" && this.socket.state !== "open" ? " wait" : ""}${item.last ? " last" : ""}`;
		el.setAttribute("part", "message message-person");
		if (this.editing && m && this.editing.message === m.message) return this.#drawEditor(node, m);
		node.editor = null;
		const text = gone ? t("deleted") : m?.pending?.type === "edit" ? m.pending.text : (m?.text ?? l.text);
		const parts = [h("span", { class: "offscreen" }, `${mine ? t("you") : m.author?.name || ""}:`)];
		if (!mine) parts.push(h("div", { class: "who" }, h("b", { dir: "auto" }, m.author?.name || ""), this.#time(m.at)));
		const edit = !gone && /^edit:\s*\n\s*(\S[^\n]*)/i.exec(text); // a draft given back: its first line says which
		parts.push(edit ? h("details", { class: "bubble", dir: "auto" }, h("summary", null, `edit: ${edit[1].replace(/^\*\*|\*\*$/g, "").slice(0, 80)}…`), text.slice(text.indexOf("\n") + 1).trim()) : h("div", { class: "bubble", dir: "auto" }, text));
		if (!gone) {
			const meta = h("div", { class: "meta" });
			const tools = h("span", { class: "tools fade" });
			if (state === "failed") {
				meta.append(h("span", { class: "state bad" }, icon("alert", 15), t("failed"), l.error?.message ? `: ${l.error.message}` : ""),
					h("button", { type: "button", class: "linkish", "data-name": "again", onclick: () => this.socket.again(l.client_id) }, t("try_again")),
					h("button", { type: "button", class: "linkish", "data-name": "discard", onclick: () => this.socket.discard(l.client_id) }, t("discard")));
			} else {
				tools.append(this.#copy(() => text));
				this.#forkTool(tools, m);
				if (m?.key && !m.pending)
					tools.append(tool("edit", t("edit"), () => this.#edit(m), { "data-name": "edit" }), tool("trash", t("delete"), () => this.#delete(m), { "data-name": "delete" }));
				meta.append(tools);
				const at = m?.at ?? l?.at;
				if (mine && at && state !== "sending") meta.append(h("span", { class: "fade" }, this.#time(at)));
				if (m?.edited) meta.append(h("span", null, t("edited")));
				if (mine) meta.append(this.#state(state));
			}
			parts.push(meta);
			if (item.forks?.length) parts.push(this.#chips(item.forks));
		}
		el.replaceChildren(...parts);
	}

	#state(state) {
		const { t } = this.words;
		const [name, key] = state === "sending" ? ["clock", this.socket.state === "open" ? "sending" : "waiting"] : ["check", "sent"];
		return h("span", { class: `state ${state === "sending" ? "" : "fade"}`, title: t(key) }, icon(name, 14),
			h("span", { class: state === "sending" && this.socket.state !== "open" ? "" : "offscreen" }, t(key)));
	}

	#forkTool(tools, m) {
		if (m && !m.pending && this.forks?.may(this.thread.id)) tools.append(tool("fork", this.words.t("fork_from"), () => this.forks.start(this.thread.id, m), { "data-name": "fork" }));
	}

	/* The side threads that left from a message. */
	#chips(forks) {
		const { t } = this.words;
		return h("div", { class: "row forks" }, forks.map((f) => h("button", { type: "button", class: `button chip ${f.fork.state}`, "data-name": `fork-${f.thread}`, onclick: () => this.forks.open(f.thread) }, icon("fork", 15),
			h("span", { class: "offscreen" }, `${t("fork")} `), h("span", { class: "name", dir: "auto" }, `#${f.fork.n} ${f.title || ""}`), h("span", { class: "muted" }, t(`fork_${f.fork.state}`)))));
	}

	/* A press on a component; false: it stays here. */
	#press(action, value, m, run) {
		if (action !== "fork.edit") {
			this.socket.act({ type: "act", thread: this.thread.id, ...(run ? { run } : {}), action, value });
			return true;
		}
		const { id } = this.thread;
		const key = `edit.${id}`;
		const back = this.shadowRoot.activeElement?.dataset.name;
		import("./editor.js").then(async ({ editDraft, draftOf }) => {
			const text = await editDraft(this.shadowRoot, { words: this.words, text: value || draftOf(m.text), kept: this.drafts?.get(key), keep: (x) => this.drafts?.set(key, x) });
			if (text) this.socket.act({ type: "act", thread: id, ...(run ? { run } : {}), action: "command", value: `edit:\n${text}` });
			this.shadowRoot.querySelector(`[data-name="${back}"]`)?.focus();
		}).catch(() => this.#announce(this.words.t("offline")));
		return false;
	}

	#copy(text) {
		const { t } = this.words;
		const b = tool("copy", t("copy"), async () => (await copyText(text())) && ticked(b, "copy", t("copied")), { "data-name": "copy" });
		return b;
	}

	#edit(m) {
		const old = this.editing;
		this.editing = m;
		for (const x of [old, m]) {
			const node = x && this.nodes.get(`k:${x.key}`);
			if (node) node.stamp = "";
		}
		this.#draw();
		if (!m) this.input.focus();
	}

	#drawEditor(node, m) {
		if (node.editor) return;
		const { t } = this.words;
		const area = h("textarea", { rows: "1", "aria-label": t("edit_message"), dir: "auto", value: m.pending?.text ?? m.text });
		const save = () => {
			const text = area.value.trim();
			if (text && !this.#over(text)) {
				if (text !== m.text) this.socket.act({ type: "edit", thread: this.thread.id, key: m.key, text });
				this.#edit(null);
			}
		};
		area.addEventListener("input", () => this.#grow(area));
		area.addEventListener("keydown", (e) => {
			if (e.isComposing || e.keyCode === 229) return;
			if (e.key === "Enter" && !e.shiftKey) {
				e.preventDefault();
				save();
			}
		});
		node.editor = h("form", { class: "editor" }, area,
			h("div", { class: "row end" }, h("button", { type: "button", class: "button plain", onclick: () => this.#edit(null) }, t("cancel")),
				h("button", { class: "button primary" }, t("save"))));
		node.editor.addEventListener("submit", (e) => {
			e.preventDefault();
			save();
		});
		node.el.replaceChildren(node.editor);
		queueMicrotask(() => {
			this.#grow(area);
			area.focus();
			area.setSelectionRange(area.value.length, area.value.length);
			node.el.scrollIntoView({ block: "nearest" });
		});
	}

	async #delete(m) {
		const { t } = this.words;
		if (await ask(this.shadowRoot, { title: t("delete_ask"), yes: t("delete"), no: t("cancel") }))
			this.socket.act({ type: "delete", thread: this.thread.id, key: m.key });
	}

	/* An answer: in the making or stored.  Its parts keep their elements, so that only what is new is built. */
	#drawEddy(node, item) {
		const { t } = this.words;
		const { el } = node;
		const { m, o } = item;
		const run = m?.run || o?.run;
		const failed = m ? m.author?.kind === "system" && (!!m.run || this.thread.runs.get(run) === "failed") : o.over === "failed";
		const gone = m?.deleted;
		if (!node.body) {
			node.who = h("div", { class: "who" });
			node.steps = h("div", { class: "steps" });
			node.body = h("div", { class: "body" });
			node.status = h("div", { class: "status" });
			node.extra = h("div");
			node.meta = h("div", { class: "meta" });
			node.reason = h("div");
			node.chips = h("div");
			el.replaceChildren(mark(28), node.who, node.steps, node.body, node.status, node.extra, node.meta, node.reason, node.chips);
			node.shown = null;
		}
		const paper = m && !gone ? (isDraft(m) ? "draft" : resolutionOf(m) ? "resolution" : "") : "";
		el.className = `msg eddy${failed ? " error" : ""}${item.last ? " last" : ""}${o && !o.over ? " swirl" : ""}${gone ? " gone" : ""}${paper ? ` paper ${paper}` : ""}${item.over ? " over" : ""}`;
		el.setAttribute("part", "message message-eddy");
		if (o && !o.over) el.setAttribute("aria-busy", "true");
		else el.removeAttribute("aria-busy");
		node.who.replaceChildren(h("b", { dir: "auto" }, m?.author?.name || t("eddy")), ...(m?.at ? [this.#time(m.at)] : []), ...(m?.edited ? [h("span", { class: "muted" }, t("edited"))] : []),
			...(paper ? [h("span", { class: "kind" }, icon(paper === "draft" ? "edit" : "check", 14), t(paper))] : []));
		this.#drawSteps(node, m?.tools || o?.tools, !!m || !!o?.over);
		this.#drawBody(node, gone ? null : m ? m.blocks : o.blocks, gone ? t("deleted") : m ? m.text : o.text);
		const waits = o && !o.over;
		node.status.hidden = !waits && !o?.over;
		if (waits) {
			const text = o.status || (node.body.hidden && !o.tools.size ? t("thinking") : "");
			if (node.said !== text || !node.status.firstChild) {
				node.said = text;
				node.status.replaceChildren(h("span", { class: "dots" }, h("i"), h("i"), h("i")), h("span", { dir: "auto" }, text));
			}
		} else if (o?.over) {
			node.said = null;
			node.status.replaceChildren(h("span", { class: "small" }, t(o.over === "stopped" ? "stopped" : "run_failed")));
		}
		const comps = m && !gone && !item.over ? m.components : null;
		if (node.comps !== comps) {
			node.comps = comps;
			node.extra.replaceChildren(...(comps ? [showComponents(comps, (action, value) => this.#press(action, value, m, run), t, m.text)] : []));
		}
		node.chips.replaceChildren(...(item.forks?.length && !gone ? [this.#chips(item.forks)] : []));
		this.#drawTools(node, item, run);
	}

	#drawBody(node, blocks, text) {
		const { body } = node;
		body.hidden = !(blocks?.length || text);
		if (!blocks) {
			body.classList.add("plain");
			node.shown = null;
			if (body.textContent !== text) body.textContent = text || "";
			return;
		}
		if (!node.shown) {
			body.classList.remove("plain");
			body.replaceChildren();
			node.shown = [];
		}
		let n = 0;
		const old = node.shown;
		while (n < blocks.length && n < old.length && (old[n] === blocks[n] || JSON.stringify(old[n]) === JSON.stringify(blocks[n]))) n++;
		showBlocks(body, blocks, n, this.words.t);
		node.shown = [...blocks];
	}

	#drawSteps(node, tools, over) {
		const { t } = this.words;
		node.steps.hidden = !tools?.size;
		if (!tools?.size) return;
		const stamp = `${over}${[...tools.values()].map((x) => x.step + x.state).join()}`;
		if (node.stepStamp === stamp) return;
		node.stepStamp = stamp;
		const rows = h("ul", null, [...tools.values()].map((x) => h("li", { class: x.state === "failed" && "bad" },
			x.state === "running" && !over ? h("span", { class: "spin" }) : icon(x.state === "failed" ? "alert" : "check", 15),
			h("span", { dir: "auto" }, x.title), h("span", { class: "offscreen" }, t(`step_${x.state}`)))));
		node.steps.replaceChildren(over ? h("details", null, h("summary", null, t("steps", { n: tools.size })), rows) : rows);
	}

	#drawTools(node, item, run) {
		const { t } = this.words;
		const { m, o } = item;
		const over = m || o.over;
		node.meta.hidden = !over || m?.deleted;
		if (node.meta.hidden) return node.reason.replaceChildren();
		const tools = h("span", { class: "tools fade" });
		const text = () => (m ? m.text : o.text || (o.blocks || []).map((b) => plain(b)).join("\n\n"));
		tools.append(this.#copy(text));
		this.#forkTool(tools, m);
		if (m && m.author?.kind === "eddy" && this.features.has("threads")) {
			const mine = this.feedback.get(m.message)?.value || m.feedback;
			for (const [value, name, key] of [["up", "up", "good"], ["down", "down", "bad"]])
				tools.append(tool(name, t(key), () => this.#rate(m, value, node), { "aria-pressed": String(mine === value), "data-name": value }));
		}
		// With a message the server offers it itself, as a component.
		if (run && item.last && !m?.components && this.thread.runs.get(run) === "failed" && this.features.has("threads") && !this.thread.busy)
			tools.append(tool("retry", t("retry"), () => this.socket.act({ type: "retry", thread: this.thread.id, run }), { "data-name": "retry" }));
		node.meta.replaceChildren(tools);
	}

	#rate(m, value, node) {
		const old = this.feedback.get(m.message)?.value || m.feedback;
		const now = old === value ? "none" : value;
		this.feedback.set(m.message, { value: now });
		this.#sendFeedback(m, now);
		for (const b of node.meta.querySelectorAll("[aria-pressed]")) b.setAttribute("aria-pressed", String(b.dataset.name === now));
		node.reason.replaceChildren(...(now === "none" ? [] : [this.#reason(m, now, node)]));
		if (this.stick) this.#toEnd();
		else node.reason.firstElementChild?.scrollIntoView({ block: "nearest" });
	}

	#sendFeedback(m, value, reason) {
		this.socket.act({ type: "feedback", thread: this.thread.id, message: m.message, value, ...(reason ? { reason } : {}) });
	}

	#reason(m, value, node) {
		const { t } = this.words;
		const keys = value === "up" ? ["reason_right", "reason_clear"] : ["reason_wrong", "reason_off", "reason_old", "reason_style"];
		const more = h("input", { type: "text", maxlength: "500", dir: "auto", placeholder: t("reason_more"), "aria-label": t("reason_more") });
		const chips = keys.map((k) => h("button", { type: "button", class: "button chip", "aria-pressed": "false", onclick: (e) => {
			const b = e.currentTarget;
			b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true"));
		} }, t(k)));
		const shut = () => node.reason.replaceChildren();
		const form = h("form", { class: "reason" }, h("span", null, t(value === "up" ? "why_good" : "why_bad")), h("div", { class: "row" }, chips),
			h("div", { class: "send" }, more, h("button", { class: "button primary" }, t("send"))));
		form.addEventListener("keydown", (e) => {
			if (e.key !== "Escape") return;
			e.preventDefault();
			shut();
			node.meta.querySelector(`[data-name="${value}"]`)?.focus();
		});
		form.addEventListener("submit", (e) => {
			e.preventDefault();
			const said = [...chips.filter((c) => c.getAttribute("aria-pressed") === "true").map((c) => c.textContent), more.value.trim()].filter(Boolean);
			if (said.length) this.#sendFeedback(m, value, said.join("; ").slice(0, 1000));
			shut();
			this.#announce(t("thanks"));
			node.meta.querySelector(`[data-name="${value}"]`)?.focus();
		});
		return form;
	}
}

if (!customElements.get("eddy-chat")) customElements.define("eddy-chat", EddyChat);
