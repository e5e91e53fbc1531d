/* The conversations of this person: newest first, grouped by day, searched by title as one types. */
import { h, icon } from "./dom.js";

export class ThreadList {
	/** pick(thread), more(before, thread): asks the server for those older than this one. */
	constructor({ words, pick, more }) {
		Object.assign(this, { words, pick });
		this.items = new Map(); // thread → {thread, title, at, rev}
		this.current = null;
		this.search = h("input", { type: "search", autocomplete: "off", spellcheck: "false", oninput: () => this.draw() });
		this.nav = h("nav");
		this.older = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => {
			const oldest = [...this.items.values()].reduce((a, b) => (b.at < a.at || (b.at === a.at && b.thread < a.thread) ? b : a));
			more(oldest.at, oldest.thread);
		} });
		this.note = h("p", { class: "muted note", hidden: true });
		this.el = h("div", { class: "list-in" }, h("label", { class: "search" }, icon("search", 16), this.search), this.nav, this.older, this.note);
		this.relabel(words);
		this.search.addEventListener("keydown", (e) => {
			if (e.key === "Escape" && this.search.value) {
				e.stopPropagation();
				this.search.value = "";
				this.draw();
			} else if (e.key === "Enter" || e.key === "ArrowDown") {
				const first = this.nav.querySelector("a");
				if (first && e.key === "Enter" && this.search.value) first.click();
				else first?.focus();
				e.preventDefault();
			}
		});
		this.nav.addEventListener("keydown", (e) => {
			const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
			if (!step) return;
			e.preventDefault();
			const all = [...this.nav.querySelectorAll("a")];
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
		this.note.textContent = words.t("titles_only");
		this.draw();
	}

	frame(f) {
		if (f.type === "threads") {
			for (const i of f.items || []) this.items.set(i.thread, i);
			this.older.hidden = !f.more;
			this.draw();
		} else if (f.type === "thread") {
			const old = this.items.get(f.thread);
			this.items.set(f.thread, { ...old, ...f, title: f.title ?? old?.title }); // null: no new one
			this.draw();
		} else if (f.type === "erased") {
			this.items.delete(f.thread);
			this.draw();
		}
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

	select(thread) {
		this.current = thread;
		this.draw();
	}

	draw() {
		const { t } = this.words;
		const fold = (s) => s.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase(this.words.locale);
		const want = fold(this.search.value.trim());
		const items = [...this.items.values()].filter((i) => !want || fold(i.title || "").includes(want)).sort((a, b) => b.at - a.at);
		const focused = this.nav.contains(document.activeElement) ? document.activeElement.dataset.thread : null;
		const out = [];
		let day = "";
		for (const i of items) {
			const d = this.words.group(i.at);
			if (d !== day) out.push(h("h2", null, (day = d)));
			out.push(h("a", { href: `#/t/${i.thread}`, "data-thread": i.thread, "aria-current": i.thread === this.current && "page", title: i.title || null, dir: "auto", onclick: (e) => {
				if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return; // a tab of its own
				e.preventDefault();
				this.pick(i.thread);
			} }, i.title || t("untitled")));
		}
		if (!items.length) out.push(h("p", { class: "muted" }, t(this.items.size ? "no_match" : "no_threads")));
		this.nav.replaceChildren(...out);
		this.note.hidden = !want;
		if (focused) this.nav.querySelector(`[data-thread="${focused}"]`)?.focus();
	}
}
