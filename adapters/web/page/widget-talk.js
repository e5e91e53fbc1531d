/*
 * The conversation in the widget: a Thread (thread.js) as bubbles.  Drawing is keyed: what did not change is not touched, a growing answer gets only
 * its last blocks anew, and what was being sent becomes the stored message in place.
 */
import { plain, showBlocks } from "./blocks.js";
import { showComponents } from "./components.js";
import { h, mark } from "./dom.js";

const SHOWN = 400; // messages, the newest
const NEAR = 48; // so close to the end (px) we stay there

export class Talk {
	/** t: words; socket; greeting: what stands first. */
	constructor({ t, socket, greeting }) {
		Object.assign(this, { t, socket });
		this.nodes = new Map(); // key → {el, stamp, …}
		this.log = h("div", { class: "log" });
		this.live = h("div", { class: "offscreen", "aria-live": "polite", role: "status" });
		this.el = h("div", { class: "scroll", part: "messages", tabindex: "0", role: "log", "aria-live": "off", "aria-label": t("log") }, this.log);
		this.greet = h("div", { class: "msg eddy" }, this.#who(t("eddy")), h("div", { class: "bubble", part: "bubble bubble-eddy", dir: "auto" }, greeting));
		this.clear();
		this.stick = true;
		let was = 0;
		this.el.addEventListener("scroll", () => {
			const { scrollHeight, scrollTop, clientHeight } = this.el;
			if (scrollHeight - scrollTop - clientHeight < NEAR) this.stick = true;
			else if (scrollTop < was) this.stick = false; // a hand has moved it; what grows does not
			was = scrollTop;
		}, { passive: true });
		this.sized = new ResizeObserver(() => this.stick && this.end());
		this.sized.observe(this.el);
		this.sized.observe(this.log);
	}

	clear() {
		this.nodes.clear();
		this.log.replaceChildren(this.greet);
	}

	end() {
		this.stick = true;
		this.el.scrollTop = this.el.scrollHeight;
	}

	/** Have ${text} read out. */
	announce(text) {
		this.live.textContent = "";
		setTimeout(() => (this.live.textContent = text), 30);
	}

	/** A finished answer is read out once, whole; while it grows nothing is. */
	hear(f) {
		this.announce(`${f.author.name}: ${f.blocks ? f.blocks.map((b) => plain(b)).join("\n") : f.text}`.slice(0, 4000));
	}

	draw(thread) {
		const known = new Set();
		let at = this.greet;
		let day = new Date().toDateString();
		let last = "";
		for (const item of thread.items().slice(-SHOWN)) {
			const { m, l } = item;
			const date = new Date(m?.at ?? l?.at ?? Date.now());
			if (date.toDateString() !== day) {
				day = date.toDateString();
				at = this.#place(at, { key: `d:${day}`, kind: "day", stamp: 0, date }, known);
				last = "";
			}
			// A team's answer is a person's too; what was said here has the key that we gave it.
			item.mine = !!l || (m?.author?.kind === "person" && !!m.key);
			item.by = item.mine ? "" : m?.author?.name || this.t("eddy");
			item.first = item.by !== last;
			last = item.by;
			at = this.#place(at, item, known);
		}
		for (const [key, node] of this.nodes)
			if (!known.has(key)) {
				node.el.remove();
				this.nodes.delete(key);
			}
		if (this.stick) this.end();
	}

	#place(at, item, known) {
		known.add(item.key);
		let node = this.nodes.get(item.key);
		if (!node) this.nodes.set(item.key, (node = { el: h("div", { class: "msg" }) }));
		const { el } = node;
		if (at.nextElementSibling !== el) at.after(el);
		const stamp = `${item.kind}${item.stamp}${item.first}${item.l ? this.socket.state : ""}`;
		if (node.stamp === stamp) return el;
		const fresh = !node.stamp;
		node.stamp = stamp;
		if (item.kind === "day") {
			el.className = "day";
			el.textContent = new Intl.DateTimeFormat(this.t.locale, { dateStyle: "long" }).format(item.date);
		} else if (item.mine) this.#mine(el, item);
		else this.#theirs(node, item);
		if (fresh && this.live.isConnected) el.classList.add("new");
		return el;
	}

	#who(name, person) {
		return h("div", { class: "who" }, person ? null : mark(18), h("span", { dir: "auto" }, name), person ? null : h("span", { class: "muted" }, this.t("ai")));
	}

	#mine(el, { m, l, key }) {
		const { t } = this;
		const bad = l?.state === "failed";
		const id = key.slice(2);
		el.className = `msg mine${bad ? " error" : ""}`;
		el.replaceChildren(
			h("span", { class: "offscreen" }, `${t("you")}: `),
			h("div", { class: "bubble", part: "bubble bubble-mine", dir: "auto" }, m?.deleted ? t("deleted") : (m?.text ?? l.text)),
		);
		if (!l) return;
		el.append(
			h("div", { class: `state${bad ? " bad" : ""}` }, t(bad ? "failed" : this.socket.state === "open" ? "sending" : "waiting"),
				bad ? [["again", () => this.socket.again(id)], ["discard", () => this.socket.discard(id)]].map(([k, f]) => h("button", { type: "button", class: "linkish", onclick: f }, t(k))) : null),
		);
	}

	#theirs(node, { m, o, by, first }) {
		const { t } = this;
		const { el } = node;
		const over = m || o.over;
		const failed = m ? m.failed : o.over === "failed";
		if (!node.body) {
			node.body = h("div", { class: "body" });
			node.bubble = h("div", { class: "bubble", part: "bubble bubble-eddy" }, node.body);
			node.state = h("div", { class: "state" });
		}
		el.className = `msg eddy${failed ? " error" : ""}`;
		el.replaceChildren(...(first ? [this.#who(by, m?.author?.kind === "person")] : [h("span", { class: "offscreen" }, `${by}: `)]), node.bubble, node.state);
		const blocks = m?.deleted ? null : (m || o).blocks;
		const text = m?.deleted ? t("deleted") : (m || o).text;
		node.bubble.hidden = !blocks?.length && !text && !(o && !over);
		el.classList.toggle("wide", !!blocks?.some((b) => b.t === "table" || b.t === "code"));
		if (blocks?.length) this.#blocks(node, blocks);
		else {
			node.shown = null;
			node.body.className = "body plain";
			if (text) node.body.textContent = text;
			else if (!node.body.querySelector(".dots")) node.body.replaceChildren(h("span", { class: "dots", role: "img", "aria-label": t("thinking") }, h("i"), h("i"), h("i")));
		}
		const step = o && !over ? [...o.tools.values()].findLast((x) => x.state === "running")?.title || o.status : "";
		node.state.textContent = over === "stopped" ? t("stopped") : over === "failed" && !text ? t("run_failed") : step;
		node.state.hidden = !node.state.textContent;
		const offers = m?.deleted ? null : m?.components;
		if (node.offers === offers) return;
		node.offers = offers;
		node.bubble.querySelector(".components")?.remove();
		if (node.offers) node.bubble.append(showComponents(node.offers.map?.((c) => (c?.action === "fork.edit" ? { fallback: c.fallback } : c)), (action, value) => this.socket.act({ type: "act", thread: m.thread, run: m.run || undefined, action, value }), t));
	}

	#blocks(node, blocks) {
		const { body } = node;
		const old = node.shown || [];
		if (!node.shown) {
			body.className = "body";
			body.replaceChildren();
		}
		let n = 0;
		while (n < blocks.length && n < old.length && JSON.stringify(old[n]) === JSON.stringify(blocks[n])) n++;
		showBlocks(body, blocks, n, this.t);
		node.shown = [...blocks];
	}
}
