/*
 * Search in what was said, as one types: one question at a time, the newest text next.  What is found comes as plain strings, every second
 * of them a match; nothing of it becomes markup.
 */
import { safeHref } from "./blocks.js";
import { h, icon } from "./dom.js";

const WAIT_MS = 150;
const LOST_MS = 8000; // a question without an answer
const LIMIT = 10;
const TEXT_MAX = 500; // bytes
const kinds = { fork: "fork", resolution: "check", memory: "pin" };

export class Found {
	/** ask(frame): false when there is no connection; pick(thread, message). */
	constructor({ words, ask, pick }) {
		Object.assign(this, { words, ask, pick });
		this.head = h("h2");
		this.note = h("p", { class: "muted", dir: "auto", hidden: true });
		this.list = h("ol");
		this.more = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.#go(this.page + 1) });
		this.live = h("p", { class: "offscreen", role: "status" });
		this.el = h("section", { class: "found", hidden: true }, this.head, this.note, this.list, this.more, this.live);
		this.n = this.page = 0;
		this.text = "";
		this.items = [];
		this.relabel(words);
	}

	relabel(words) {
		this.words = words;
		this.head.textContent = words.t("found_in");
		this.el.setAttribute("aria-label", words.t("found_in"));
		this.more.textContent = words.t("found_more");
		this.#draw();
	}

	/** The box holds ${text}. */
	type(text) {
		text = text.trim();
		if (text === this.text) return;
		this.text = text;
		clearTimeout(this.waiting);
		this.wanted = [...text].length > 1 && new TextEncoder().encode(text).length <= TEXT_MAX;
		this.el.hidden = !this.wanted;
		if (this.wanted) this.waiting = setTimeout(() => this.#go(1), WAIT_MS);
		else this.#clear();
	}

	frame(f) {
		if (f.type === "welcome") {
			this.busy = false;
			if (this.wanted) this.#go(1);
		} else if (f.type === "error" && this.busy && !f.client_id && (f.code === "busy" || f.code === "rate")) {
			clearTimeout(this.waiting);
			this.waiting = setTimeout(() => this.#done(() => this.#go(this.asked)), f.retry_after_ms || 1000);
		} else if (f.type === "found" && f.n === this.n) {
			this.#done(() => this.#take(f));
		}
	}

	#go(page) {
		if (this.busy) {
			this.again = true;
			return;
		}
		if (!this.wanted || !this.ask({ type: "search", n: ++this.n, text: this.text, page, limit: LIMIT, prefix: true })) return;
		this.busy = true;
		this.asked = page;
		this.askedFor = this.text;
		clearTimeout(this.lost);
		this.lost = setTimeout(() => this.#done(() => {}), LOST_MS);
	}

	#done(then) {
		this.busy = false;
		clearTimeout(this.lost);
		if (this.askedFor === this.text || !this.again) then();
		if (this.again) {
			this.again = false;
			if (this.askedFor !== this.text) this.#go(1);
		}
	}

	#take(f) {
		if (!this.wanted) return;
		const items = (Array.isArray(f.items) ? f.items : []).slice(0, 50);
		this.items = this.asked > 1 ? [...this.items, ...items] : items;
		this.page = this.asked;
		this.answer = f;
		this.#draw();
		this.live.textContent = "";
		setTimeout(() => (this.live.textContent = this.#count()), 30);
	}

	#clear() {
		this.n++;
		this.items = [];
		this.answer = null;
		this.live.textContent = "";
		this.#draw();
	}

	#count() {
		const { t } = this.words;
		const n = Math.max(this.answer?.total || 0, this.items.length);
		return n ? t(this.answer?.at_least ? "found_least" : "found_count", { n }) : t("found_none");
	}

	#draw() {
		const focused = this.list.contains(this.list.getRootNode().activeElement) ? document.activeElement.getAttribute("href") : null;
		this.more.hidden = !this.answer?.more;
		this.note.textContent = this.answer?.note || (this.answer && !this.items.length ? this.words.t("found_none") : "");
		this.note.hidden = !this.note.textContent;
		this.list.replaceChildren(...this.items.map((i) => this.#item(i)));
		if (focused) [...this.list.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
	}

	#item(i) {
		const { words } = this;
		const pieces = Array.isArray(i.snippet) ? i.snippet : [];
		const head = h("span", { class: "from" }, kinds[i.kind] ? icon(kinds[i.kind], 14) : null, kinds[i.kind] ? h("span", { class: "offscreen" }, `${words.t(`found_${i.kind}`)}:`) : null,
			h("b", { dir: "auto" }, String(i.title || i.author?.name || words.t("eddy")).slice(0, 160)), i.place ? h("span", { dir: "auto" }, i.place) : null,
			i.at ? h("time", { datetime: new Date(i.at).toISOString(), title: words.full(i.at) }, words.day(i.at)) : null);
		const text = h("span", { class: "snippet", dir: "auto" }, pieces.map((s, n) => (n % 2 ? h("mark", null, String(s)) : String(s))));
		const link = i.thread ? `#/t/${i.thread}${i.message ? `/m/${encodeURIComponent(i.message)}` : ""}` : safeHref(i.link);
		if (!link) return h("li", null, h("div", { class: "hit" }, head, text));
		return h("li", null, h("a", { class: "hit", href: link, ...(i.thread ? {} : { target: "_blank", rel: "noopener noreferrer nofollow" }), onclick: (e) => {
			if (!i.thread || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
			e.preventDefault();
			this.pick(i.thread, i.message);
		} }, head, text));
	}
}
