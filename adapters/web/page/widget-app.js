/*
 * The widget behind its button (widget.js): what is kept in the visitor's browser, who the visitor is, and the panel with its pages (the form
 * before the first message, the conversation, the question before erasing).  Nothing is stored before the first message, and storage that is full or
 * forbidden costs only the memory of it after a reload.
 */
import { safeHref } from "./blocks.js";
import { h, mark, tool, icon } from "./dom.js";
import { EddySocket, uuid } from "./socket.js";
import { Thread } from "./thread.js";
import sheet from "./widget-style.js";
import { Talk } from "./widget-talk.js";
import { words } from "./widget-words.js";

const SPARE_MS = 30000; // an identity token is renewed so long before it ends
const HANDED_MS = 60000; // so long a wish for a person is not offered again
const FIELDS = { name: ["text", "name"], email: ["email", "email"], phone: ["tel", "tel"], company: ["text", "organization"] };

export class Widget {
	constructor(at) {
		Object.assign(this, at); // host, root, button, base, key, set, language, who
		this.root.adoptedStyleSheets = [...this.root.adoptedStyleSheets, sheet];
		this.off = new AbortController(); // ends all listeners
		this.device = uuid();
		this.unread = 0;
		const url = this.set.eddyIdentity;
		if (url && this.who === undefined) this.who = () => fromPage(new URL(url, document.baseURI));
		this.#read();
		this.listen(window, "storage", (e) => e.key === this.name && this.#elsewhere(e.newValue));
		this.listen(document, "visibilitychange", () => this.#seen());
		// Keys that are pressed in here are none of the page's business.
		for (const type of ["keydown", "keyup", "keypress"]) this.listen(this.root, type, (e) => this.#key(e));
		this.dark = matchMedia("(prefers-color-scheme: dark)");
		this.listen(this.dark, "change", () => this.#look());
		if (this.kept.thread) this.#start();
	}

	listen(target, type, f) {
		target.addEventListener(type, f, { signal: this.off.signal });
	}

	// ---- what the page may ask for ----

	get shown() {
		return !!this.panel && !this.panel.hidden;
	}

	async open() {
		if (this.shown) return this.#focus();
		const here = document.activeElement;
		this.back = here && here !== document.body && here !== this.host ? here : this.button;
		await this.#build();
		if (this.off.signal.aborted) return;
		this.panel.hidden = false;
		this.button.setAttribute("aria-expanded", true);
		this.#look();
		this.#fit();
		this.#seen();
		this.#focus();
		await this.#ask();
		this.#show();
	}

	close() {
		if (!this.shown) return;
		const inside = this.host.matches(":focus-within") || document.activeElement === document.body;
		this.panel.hidden = true;
		this.button.setAttribute("aria-expanded", false);
		if (inside) (this.back?.isConnected ? this.back : this.button).focus();
	}

	/** Who the visitor is: a token, a function that gives one, or null: nobody (he has logged out). */
	identify(who) {
		if (who === this.who) return;
		if (this.who) for (const [s, end] of [["sessionStorage", ".out"], [this.box, ""]]) keep(s, this.name + end, null); // he may be somebody else now
		this.who = who;
		this.token = null;
		this.#leave();
		this.#read();
		if (this.kept.thread) this.#start();
		if (this.shown) this.#ask().then(() => this.#show());
	}

	destroy({ forget } = {}) {
		this.#leave();
		this.talk?.sized.disconnect();
		this.off.abort();
		if (forget) for (const s of ["localStorage", "sessionStorage"]) for (const end of ["", ".id", ".out", ".id.out"]) keep(s, this.key + end, null);
	}

	// ---- what is kept ----

	get name() {
		return this.key + (this.who ? ".id" : "");
	}

	get box() {
		return this.set.eddyStore === "session" ? "sessionStorage" : "localStorage";
	}

	#read() {
		this.kept = (this.set.eddyStore !== "none" && keep(this.box, this.name)) || {};
		this.thread = new Thread(this.kept.thread || uuid());
		this.said = !!this.kept.thread;
	}

	#keep() {
		if (!this.said || this.set.eddyStore === "none") return;
		this.kept.thread = this.thread.id;
		keep(this.box, this.name, this.kept);
	}

	/* Another tab of this site has begun or erased the conversation. */
	#elsewhere(value) {
		if (!value && this.said) this.#forget();
		else if (value && !this.said) {
			this.#leave();
			this.#read();
			if (this.kept.thread) this.#start();
			if (this.shown) this.#show();
		}
	}

	#forget() {
		keep(this.box, this.name, null);
		keep("sessionStorage", `${this.name}.out`, null);
		const { name } = this.kept;
		this.#leave();
		this.#read();
		if (name) this.kept.name = name;
		this.#show();
	}

	// ---- the connection ----

	#start() {
		if (this.socket) return;
		const out = `${this.name}.out`;
		const items = () => keep("sessionStorage", out) || [];
		const store = {
			load: items,
			put: (i) => keep("sessionStorage", out, [...items().filter((x) => x.client_id !== i.client_id), i]),
			remove: (id) => {
				const left = items().filter((x) => x.client_id !== id);
				keep("sessionStorage", out, left.length ? left : null);
			},
		};
		const socket = new EddySocket({
			url: new URL("socket", this.base).href.replace(/^http/, "ws"),
			hello: (how) => this.#hello(how),
			on: (f) => this.socket === socket && this.#frame(f),
			store,
		});
		this.socket = socket;
		socket.start();
		socket.subscribe(this.thread.id);
	}

	#leave() {
		const { socket } = this;
		this.socket = null;
		socket?.stop();
		this.talk?.sized.disconnect();
		this.talk = null;
		this.asked = false;
		this.#count(0);
	}

	async #hello({ denied }) {
		const common = { client: "widget/1", locale: navigator.language, tz: Intl.DateTimeFormat().resolvedOptions().timeZone, features: ["blocks", "threads"] };
		const identity = this.who && (await this.#identity(denied));
		if (identity) return { ...common, identity, device: this.device };
		if (denied) this.kept.visitor = ""; // a secret that the server does not know names nobody
		return { ...common, visitor: this.kept.visitor || "", name: this.kept.name };
	}

	/* The clock here may be wrong by a day: a token's life counts from when we got it. */
	async #identity(denied) {
		if (denied || !this.token || performance.now() > this.until) {
			this.token = typeof this.who === "function" ? await this.who() : this.who;
			let life = 60;
			try {
				const { iat, exp } = JSON.parse(atob(this.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
				life = exp - iat;
			} catch {
				/* the server will say what is wrong with it */
			}
			this.until = performance.now() + life * 1000 - SPARE_MS;
		}
		return this.token;
	}

	#frame(f) {
		const { thread, talk, socket } = this;
		const t = this.t;
		if (f.type === "welcome") {
			if (f.visitor) this.kept.visitor = f.visitor;
			this.#keep();
			// What a person has said elsewhere goes on here.
			if (this.who && !this.asked && f.features?.includes("threads")) socket.request({ type: "threads", limit: 1 });
			this.asked = true;
		} else if (f.type === "threads" && f.items?.[0] && !socket.outbox.size && f.items[0].thread !== thread.id) {
			this.thread = new Thread(f.items[0].thread);
			this.said = true;
			this.#keep();
			socket.forget(thread.id);
			socket.subscribe(this.thread.id);
			talk?.clear();
		} else if (f.type === "erased" && f.thread === thread.id) return this.#forget();
		else if (f.type === "error" && f.code === "denied") console.warn("Eddy:", f.message);
		else if (f.type === "error" && f.code === "rate" && f.retry_after_ms) this.#note(t?.("slow"));
		else if (f.type === "typing" && f.thread === thread.id && f.person?.name) this.#note(t?.("typing", { name: f.person.name }), 4000);
		else if (f.type === "local.state") this.#connection(f);
		if ((f.thread || f.item?.frame?.thread) !== this.thread.id || !this.thread.apply(f)) {
			if (f.type === "local.state") this.#soon(); // "sending" or "waiting"
			return;
		}
		if (f.type === "message" && !f.key) {
			if (f.rev > (this.kept.seen || 0)) this.#count(this.unread + 1, f.rev);
			if (thread.ready && this.shown) talk?.hear(f);
		}
		if (f.type === "subscribed" && f.rev > 0 && !this.said) {
			this.said = true;
			this.#keep();
		}
		this.#seen();
		this.#soon();
	}

	/* Frames of a load come by the hundred and are drawn once. */
	#soon() {
		if (this.drawing) return;
		this.drawing = true;
		setTimeout(() => {
			this.drawing = false;
			this.#draw();
		}, this.thread.ready ? 0 : 100);
	}

	#draw() {
		if (!this.talk) return;
		this.talk.draw(this.thread);
		this.stop.hidden = !this.thread.busy;
		this.send.hidden = this.thread.busy && !this.input.value.trim();
		this.send.disabled = !this.input.value.trim();
		// Not while people are asked, or have answered.
		const team = this.thread.messages.findLast((m) => !m.key)?.author?.kind === "person";
		this.offer.hidden = !this.about.handover || team || performance.now() < this.handed;
		this.trash.hidden = !this.said || !this.socket?.features.includes("threads");
	}

	// ---- what is new ----

	#count(n, rev) {
		this.unread = n;
		this.newest = rev || this.newest;
		if (!n) return this.badge?.remove();
		this.badge ||= h("span", { class: "badge", part: "badge" });
		this.badge.textContent = n > 9 ? "9+" : n;
		this.button.append(this.badge);
		if (this.t) this.badge.setAttribute("aria-label", this.t("unread", { n }));
	}

	#seen() {
		if (!this.unread || !this.shown || document.hidden) return;
		this.kept.seen = this.newest;
		this.#count(0);
		this.#keep();
	}

	// ---- the panel ----

	async #build() {
		this.t ||= await words(this.language);
		if (this.panel) return;
		const { t } = this;
		this.title = h("h2", { id: "title", dir: "auto" }, t("title"));
		this.trash = tool("trash", t("erase"), () => this.#erase(), { hidden: true });
		this.banner = h("div", { class: "banner", part: "banner", role: "status", hidden: true });
		this.inside = h("div", { class: "page muted" }, t("connecting"));
		this.panel = h("section", { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", lang: t.locale, hidden: true },
			h("div", { class: "in", dir: t.dir }, h("header", { class: "head", part: "header" }, mark(26), this.title, this.trash, tool("close", t("close"), () => this.close())),
			this.banner, this.inside));
		this.root.prepend(this.panel);
		const fit = () => this.#fit();
		if (window.visualViewport) for (const type of ["resize", "scroll"]) this.listen(visualViewport, type, fit);
	}

	/* On a phone the keyboard takes its part of the height. */
	#fit() {
		const v = window.visualViewport;
		if (!v || !this.panel || v.scale > 1.01) return;
		this.panel.style.setProperty("--tall", `${v.height}px`);
		this.panel.style.setProperty("--top", `${v.offsetTop}px`);
	}

	/* Dark where the reader likes it and the page can be dark too, unless it says what it wants. */
	#look() {
		const want = this.set.eddyTheme;
		const can = /dark/.test(getComputedStyle(document.documentElement).colorScheme + document.querySelector('meta[name="color-scheme"]')?.content);
		this.panel?.classList.toggle("dark", want === "dark" || (want !== "light" && (can || want === "auto") && this.dark.matches));
	}

	/* What this server wants of a widget. */
	async #ask() {
		const named = this.who && this.#identity().catch(() => null);
		if (!this.about || this.about.gone) await this.#fetch();
		this.named = !!(await named);
	}

	async #fetch() {
		try {
			const r = await fetch(new URL("api/widget", this.base), { credentials: "omit" });
			this.about = r.ok ? await r.json() : { gone: true };
			if (!r.ok) console.warn(`Eddy: ${r.status === 404 ? "there is no widget at this address: see web.widget.enabled" : `the server answers ${r.status}`}`);
		} catch {
			this.about = { gone: true };
		}
		if (this.about.title) this.title.textContent = this.about.title;
	}

	#show() {
		if (!this.panel || !this.about || this.off.signal.aborted) return;
		const { about } = this;
		this.asking = false;
		const stranger = !about.gone && !about.visitors && !this.named;
		if (about.gone || stranger) {
			this.#page(h("p", { class: "lead", role: "status" }, this.t(stranger ? "sign_in" : "gone")),
				about.gone ? h("div", { class: "row" }, h("button", { type: "button", class: "button", onclick: async () => (await this.#ask(), this.#show(), this.#focus()) }, this.t("now"))) : null);
		} else if (!this.said && !this.ready && ((about.consent && !this.agreed) || (about.prechat?.length && !this.named))) this.#form();
		else this.#conversation();
		if (this.shown) this.#focus();
	}

	#page(...inside) {
		this.talk?.sized.disconnect();
		this.talk = null;
		this.trash.hidden = true;
		const page = h("div", { class: "page" }, inside);
		this.inside.replaceWith(page);
		this.inside = page;
	}

	#foot() {
		const { about, t } = this;
		return [about.ai_notice || t("notice"), safeHref(about.privacy_url) ? [" ", h("a", { href: safeHref(about.privacy_url), target: "_blank", rel: "noopener noreferrer" }, t("privacy"))] : []].flat();
	}

	/* Before the first message: what the site wants to know and to be allowed. */
	#form() {
		const { about, t } = this;
		const fields = this.named ? [] : about.prechat || [];
		const form = h("form", { class: "page", part: "form" }, h("p", { class: "lead", dir: "auto" }, about.greeting || t("greeting")),
			fields.map(({ name, required }, n) => {
				const [type, autocomplete] = FIELDS[name] || ["text", "off"];
				const label = FIELDS[name] ? t(name) : name;
				return h("div", { class: "field" }, h("label", { for: `f${n}` }, required ? label : t("optional", { name: label })),
					h("input", { id: `f${n}`, name, type, autocomplete, required, maxlength: 200, dir: "auto" }));
			}),
			about.consent ? h("label", { class: "check" }, h("input", { type: "checkbox", required: true, id: "agree" }), h("span", { dir: "auto" }, about.consent)) : null,
			h("button", { class: "button primary", part: "start" }, t("start")),
			h("p", { class: "muted" }, this.#foot()));
		form.addEventListener("submit", (e) => {
			e.preventDefault();
			this.agreed = !!about.consent;
			this.answers = fields.map(({ name }, n) => [name, form.querySelector(`#f${n}`).value.trim()]).filter(([, v]) => v);
			const own = this.answers.find(([k]) => k === "name");
			if (own) this.kept.name = own[1].slice(0, 80);
			this.ready = true;
			this.#show();
		});
		this.#page();
		this.inside.replaceWith(form);
		this.inside = form;
	}

	#conversation() {
		const { t, about } = this;
		this.#start();
		const talk = new Talk({ t, socket: this.socket, greeting: about.greeting || t("greeting") });
		this.input = h("textarea", { rows: 1, part: "input", dir: "auto", autocomplete: "off", enterkeyhint: "send", "aria-label": t("write"), placeholder: t("write"), value: this.draft || "" });
		this.send = h("button", { type: "submit", class: "round", part: "send", title: t("send"), "aria-label": t("send") }, icon("send", 20));
		this.stop = h("button", { type: "button", class: "round stop", title: t("stop"), "aria-label": t("stop"), hidden: true, onclick: () => this.socket.request({ type: "stop", thread: this.thread.id }) }, icon("stop", 20));
		this.under = h("div", { class: "under muted", role: "status" });
		const say = h("form", { class: "say", part: "composer" }, this.under, h("div", { class: "box-in" }, this.input, this.stop, this.send));
		this.offer = h("div", { class: "offer" },
			h("button", { type: "button", class: "button", part: "handover", onclick: () => this.#handover() }, t("person")));
		say.addEventListener("submit", (e) => {
			e.preventDefault();
			this.#say();
		});
		this.input.addEventListener("input", () => {
			this.draft = this.input.value;
			this.input.style.height = "";
			this.input.style.height = `${this.input.scrollHeight}px`;
			if (this.long) this.#note("");
			this.long = false;
			this.#draw();
		});
		this.#page();
		this.inside.className = "talk";
		this.inside.replaceChildren(talk.el, this.offer, say, h("p", { class: "foot", part: "notice" }, this.#foot()), talk.live);
		this.talk = talk;
		this.#draw();
		this.#connection(this.socket);
	}

	#say() {
		const text = this.input.value.trim();
		if (!text) return;
		if (new TextEncoder().encode(text).length > (this.socket.limits.text_bytes || 131072) - 2000) {
			this.long = true;
			return this.#note(this.t("too_long"));
		}
		this.input.value = this.draft = "";
		this.input.style.height = "";
		const more = this.said ? [] : (this.answers || []).filter(([k]) => k !== "name");
		this.#begin();
		this.talk.stick = true;
		this.socket.send(this.thread.id, more.map(([k, v]) => `${k}: ${v}\n`).join("") + (more.length ? "\n" : "") + text);
		this.input.focus();
	}

	/* The first words: from here on something is kept. */
	#begin() {
		if (this.said) return;
		this.said = true;
		this.#keep();
	}

	#handover() {
		this.#begin();
		this.handed = performance.now() + HANDED_MS;
		setTimeout(() => this.#draw(), HANDED_MS + 1);
		this.socket.act({ type: "handover", thread: this.thread.id, text: this.t("person") });
		this.#draw();
		this.input.focus();
	}

	#erase() {
		const { t } = this;
		this.#page(h("p", { class: "lead", role: "alert" }, t("erase_ask")), h("p", { class: "muted" }, t("erase_more")), h("div", { class: "row" },
			h("button", { type: "button", class: "button", onclick: () => this.#show() }, t("cancel")),
			h("button", { type: "button", class: "button danger", part: "erase", onclick: () => {
				this.socket.act({ type: "erase", thread: this.thread.id });
				this.#show();
			} }, t("erase"))));
		this.asking = true;
		this.#focus();
	}

	#note(text, ms = 8000) {
		if (!this.under) return;
		this.under.textContent = text || "";
		clearTimeout(this.noted);
		if (text) this.noted = setTimeout(() => (this.under.textContent = ""), ms);
	}

	/* A cut is shown after a moment only: a short one needs nobody's attention. */
	#connection({ state }) {
		clearTimeout(this.cut);
		if (state === "denied") {
			this.#leave();
			this.about &&= { gone: true };
			return this.#show();
		}
		if (!this.banner) return;
		if (state === "open") {
			this.banner.hidden = true;
			if (this.about?.gone) this.#ask().then(() => this.#show());
			return;
		}
		if (this.banner.hidden)
			this.cut = setTimeout(() => {
				this.banner.replaceChildren(this.t("offline"), " ", h("button", { type: "button", class: "linkish", onclick: () => this.socket?.nudge() }, this.t("now")));
				this.banner.hidden = false;
			}, 1500);
	}

	#focus() {
		(this.inside?.querySelector("textarea, input") || this.inside?.querySelector("button") || this.panel?.querySelector("button:last-child"))?.focus({ preventScroll: true });
	}

	#key(e) {
		e.stopPropagation();
		if (e.type !== "keydown" || e.isComposing || e.keyCode === 229) return;
		if (e.key === "Escape") {
			if (this.asking) this.#show();
			else this.close();
		} else if (e.key === "Enter" && e.target === this.input && !e.shiftKey && !e.altKey && !matchMedia("(pointer: coarse) and (hover: none)").matches) {
			e.preventDefault();
			this.#say();
		}
	}
}

/* The page's own address for tokens: {"token": …} or the bare text; nobody is logged in where it gives none. */
async function fromPage(url) {
	const r = await fetch(url, { credentials: "same-origin", headers: { accept: "application/json" } });
	if (r.status >= 500) throw new Error(`Eddy: ${url}: ${r.status}`);
	if (!r.ok || r.status === 204) return null;
	const text = (await r.text()).trim();
	return text.startsWith("{") ? JSON.parse(text).token : text;
}

/* Reads, writes (an object) or removes (null) what ${name} stands for in a storage that may be forbidden, full or tampered with. */
function keep(storage, name, value) {
	try {
		const s = window[storage];
		if (value === undefined) {
			const x = JSON.parse(s.getItem(name));
			return x && typeof x === "object" ? x : null;
		}
		if (value) s.setItem(name, JSON.stringify(value));
		else s.removeItem(name);
	} catch {
		/* then only memory holds it */
	}
	return null;
}
