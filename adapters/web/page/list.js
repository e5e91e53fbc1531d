/*
 * The conversations of this person: newest first, grouped by day, the archived ones on a page of their own.  A side thread stands below the
 * one that it left, while that is looked at.  Typing looks at titles here and (found.js) at what was said on the server.
 */
import { h, icon } from "./dom.js";
import { Found } from "./found.js";

const NEWS = new Set(["thread.updated", "fork.created", "fork.resolved", "fork.abandoned"]);

export class ThreadList {
	/** pick(thread, message), ask(frame): false when there is no connection. */
	constructor({ words, pick, ask }) {
		Object.assign(this, { words, pick, ask });
		this.items = new Map(); // thread → {thread, title, at, rev, state, fork}
		this.current = null;
		this.which = "open";
		this.found = new Found({ words, ask: (f) => this.searches && ask(f), pick });
		this.search = h("input", { type: "search", autocomplete: "off", spellcheck: "false", "aria-describedby": "search-hint", oninput: () => this.draw() });
		this.hint = h("p", { class: "muted note hint", id: "search-hint" });
		this.nav = h("nav");
		this.older = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => {
			const oldest = this.#listed().reduce((a, b) => (b.at < a.at || (b.at === a.at && b.thread < a.thread) ? b : a));
			ask({ type: "threads", before: oldest.at, thread: oldest.thread, limit: 50, ...(this.searches ? { which: this.which } : {}) });
		} });
		this.other = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#turn() });
		this.el = h("div", { class: "list-in" }, h("label", { class: "search" }, icon("search", 16), this.search), this.hint, this.nav, this.found.el, this.older, this.other);
		this.relabel(words);
		this.search.addEventListener("keydown", (e) => {
			if (e.isComposing) return;
			if (e.key === "Escape" && this.search.value) {
				e.stopPropagation();
				this.search.value = "";
				this.draw();
			} else if (e.key === "Enter" || e.key === "ArrowDown") {
				const first = this.el.querySelector("a");
				if (first && e.key === "Enter" && this.search.value) first.click();
				else first?.focus();
				e.preventDefault();
			}
		});
		this.el.addEventListener("keydown", (e) => {
			const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
			if (!step || !e.target.closest("a")) return;
			e.preventDefault();
			const all = [...this.el.querySelectorAll("a")];
			const n = all.indexOf(e.target.closest("a")) + step;
			(n < 0 ? this.search : all[n])?.focus();
		});
	}

	relabel(words) {
		this.words = words;
		this.search.placeholder = words.t("search");
		this.search.setAttribute("aria-label", words.t("search"));
		this.nav.setAttribute("aria-label", words.t("threads"));
		this.older.textContent = words.t("older");
		this.hint.textContent = words.t("search_hint");
		this.found.relabel(words);
		this.draw();
	}

	frame(f) {
		this.found.frame(f);
		if (f.type === "welcome") {
			this.searches = (f.features || []).includes("forks");
			this.other.hidden = !this.searches;
		} else if (f.type === "threads") {
			for (const i of f.items || []) this.items.set(i.thread, i);
			if (!f.of && !f.only && (f.which || "open") === this.which) this.older.hidden = !f.more;
			this.draw();
		} else if (f.type === "thread" || NEWS.has(f.type)) {
			const old = this.items.get(f.thread);
			// Null is no new title.
			this.items.set(f.thread, { ...old, ...f, title: f.title ?? old?.title, state: f.state ?? old?.state });
			// What a person writes brings an archived one back, what Eddy says to that does not: the server knows which it was.
			if (!f.state && old?.state === "archived") this.ask({ type: "threads", only: f.thread });
			this.draw();
		} else if (f.type === "erased") {
			for (const i of this.forks(f.thread)) this.items.delete(i.thread); // they went along
			this.items.delete(f.thread);
			this.draw();
		}
	}

	/** Ask for the newest, at the beginning and after a cut. */
	refresh() {
		this.ask({ type: "threads", limit: 50, ...(this.searches ? { which: this.which } : {}) });
	}

	/** Something was said in ${thread}: it stands first at once, whatever the server says later. */
	touch(thread, text) {
		const old = this.items.get(thread);
		this.items.set(thread, { thread, rev: 0, ...old, title: old?.title || text.split("\n")[0].slice(0, 80), at: Date.now() });
		this.draw();
	}

	title(thread) {
		return this.items.get(thread)?.title || "";
	}

	/** The side threads of ${thread}, by their numbers. */
	forks(thread) {
		return [...this.items.values()].filter((i) => i.fork?.of === thread).sort((a, b) => a.fork.n - b.fork.n);
	}

	/** ${beside}: the side thread that is open next to it. */
	select(thread, beside = null) {
		this.current = thread;
		this.beside = beside;
		this.draw();
	}

	#turn() {
		this.which = this.which === "open" ? "archived" : "open";
		this.older.hidden = true;
		this.draw();
		this.refresh();
	}

	#listed() {
		return [...this.items.values()].filter((i) => (i.state === "archived") === (this.which === "archived"));
	}

	draw() {
		const { t } = this.words;
		const fold = (s) => s.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase(this.words.locale);
		const want = fold(this.search.value.trim());
		const family = this.items.get(this.current)?.fork?.of || this.current;
		const items = (want ? [...this.items.values()].filter((i) => fold(i.title || "").includes(want)) : this.#listed().filter((i) => !i.fork || !this.items.has(i.fork.of))).sort((a, b) => b.at - a.at);
		const focused = this.nav.contains(document.activeElement) ? document.activeElement.dataset.thread : null;
		const out = [];
		let day = "";
		if (this.which === "archived" && !want) out.push(h("h2", null, t("archived")));
		for (const i of items) {
			const d = this.words.group(i.at);
			if (d !== day && (this.which === "open" || want)) out.push(h("h2", null, (day = d)));
			out.push(this.#row(i));
			if (!want && i.thread === family) out.push(...this.forks(i.thread).map((f) => this.#row(f)));
		}
		if (!items.length && !(want && this.searches)) out.push(h("p", { class: "muted" }, t(want ? "no_match" : this.which === "archived" ? "no_archived" : "no_threads")));
		this.nav.replaceChildren(...out);
		this.other.textContent = t(this.which === "open" ? "show_archived" : "show_open");
		this.hint.hidden = !want || !this.searches; // not while one only looks: nothing may move under a click
		this.found.type(this.searches ? this.search.value : "");
		if (focused) this.nav.querySelector(`[data-thread="${focused}"]`)?.focus();
	}

	#row(i) {
		const { t } = this.words;
		const state = i.fork ? i.fork.state : i.state;
		const here = i.thread === this.current || i.thread === this.beside;
		return h("a", { href: i.fork ? `#/t/${i.fork.of}/f/${i.thread}` : `#/t/${i.thread}`, class: `${i.fork ? "fork" : ""} ${state || ""}`, "data-thread": i.thread, "aria-current": here && "page", title: i.title || null, dir: "auto", onclick: (e) => {
			if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return; // a tab of its own
			e.preventDefault();
			this.pick(i.thread);
		} }, i.fork ? icon("fork", 15) : null, h("span", { class: "name" }, i.title || t("untitled")),
		i.fork ? h("span", { class: "offscreen" }, `, ${t("fork_n", { n: i.fork.n })}, ${t(`fork_${state}`)}`) : null,
		state === "resolved" ? icon("check", 14) : null, !i.fork && state === "resolved" ? h("span", { class: "offscreen" }, `, ${t("thread_resolved")}`) : null);
	}
}
