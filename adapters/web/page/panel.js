/* What Eddy did in this conversation: answers, newest first, each with its steps, time, tokens and cost. */
import { h, icon } from "./dom.js";

export class Panel {
	constructor(words) {
		this.el = h("div", { class: "panel-in", tabindex: "0", role: "group" }); // it scrolls
		this.words = words;
		this.runs = new Map();
	}

	/** ${el} stands below everything else. */
	after(el) {
		this.last = el;
		this.draw();
	}

	relabel(words) {
		this.words = words;
		this.draw();
	}

	clear() {
		this.runs.clear();
		this.draw();
	}

	/** Frames history, run, tool. True when the whole is worth asking for again. */
	frame(f) {
		if (f.type === "history") {
			this.runs = new Map((f.runs || []).map((r) => [r.run, r]));
			this.draw();
			return false;
		}
		if (f.type === "run") {
			const r = this.runs.get(f.run) || { run: f.run, at: Date.now(), tools: [] };
			r.state = f.state;
			this.runs.set(f.run, r);
			this.draw();
			return !["queued", "running"].includes(f.state);
		}
		if (f.type === "tool") {
			const r = this.runs.get(f.run) || { run: f.run, at: Date.now(), state: "running", tools: [] };
			r.live ||= new Map();
			r.live.set(f.step, f);
			this.runs.set(f.run, r);
			this.draw();
		}
		return f.type === "message" && !!f.run;
	}

	draw() {
		const w = this.words;
		const { t } = w;
		this.el.setAttribute("aria-label", t("panel"));
		const runs = [...this.runs.values()].sort((a, b) => (b.at || 0) - (a.at || 0));
		if (!runs.length) return this.#show(h("p", { class: "muted" }, t("panel_empty")));
		const sum = (k) => runs.reduce((n, r) => n + (r[k] || 0), 0);
		const total = h("div", { class: "total" },
			h("div", null, h("b", null, t("runs", { n: runs.length })), h("span", null, w.span(sum("ms")))),
			sum("input_tokens") + sum("output_tokens") ? h("div", null, h("span", null, t("tokens", { in: w.number(sum("input_tokens")), out: w.number(sum("output_tokens")) })), h("span", null, sum("cost_micros") ? w.money(sum("cost_micros")) : "")) : null);
		const row = (r) => {
			const tools = r.tools?.length ? r.tools : [...(r.live?.values() || [])];
			const bad = r.state === "failed" || r.state === "abandoned";
			return h("li", { class: "run" },
				h("div", { class: "head" }, h("b", null, r.at ? w.clock(r.at) : ""), h("span", { class: bad ? "bad" : "" }, t(`state_${r.state}`)), r.ms ? h("span", { class: "end" }, w.span(r.ms)) : null),
				tools.length ? h("ul", null, tools.map((x) => h("li", { class: x.state === "failed" ? "bad" : "" }, icon(x.state === "failed" ? "alert" : x.state === "running" ? "clock" : "check", 14),
					h("span", { dir: "auto" }, x.title, x.n > 1 ? ` × ${w.number(x.n)}` : "")))) : null,
				h("div", { class: "foot" }, h("span", null, r.model || t("no_model")), r.input_tokens || r.output_tokens ? h("span", null, t("tokens", { in: w.number(r.input_tokens || 0), out: w.number(r.output_tokens || 0) })) : null,
					r.cost_micros ? h("span", null, w.money(r.cost_micros)) : null));
		};
		this.#show(total, h("ol", null, runs.map(row)));
	}

	/* What stands last is not touched: it may have the focus. */
	#show(...above) {
		while (this.el.firstChild && this.el.firstChild !== this.last) this.el.firstChild.remove();
		this.el.prepend(...above);
		if (this.last && !this.last.isConnected) this.el.append(this.last);
	}
}
