/*
 * Blocks (docs/websocket.md) as nodes.  The server made them from its document tree; here is only createElement and textContent.
 * A block's element is a child of its container at the same index, so that "replace everything from block N on" is just that, and
 * finished blocks are never touched.
 */
import { copyText, h, icon, ticked } from "./dom.js";

const MAX_DEPTH = 32;
/** The target if it is one we open, else null.  The server has looked already; we look again. */
export function safeHref(href) {
	if (typeof href !== "string" || href.length > 8192) return null;
	try {
		const u = new URL(href);
		return ["http:", "https:", "mailto:"].includes(u.protocol) ? u.href : null;
	} catch {
		return null;
	}
}

/** The text of a block or an inline, for copying and for screen readers. */
export function plain(x, depth = 0) {
	if (typeof x === "string") return x;
	if (Array.isArray(x)) return x.map((y) => plain(y, depth)).join("");
	if (!x || typeof x !== "object" || depth > MAX_DEPTH) return "";
	const d = depth + 1;
	switch (x.t) {
		case "br":
			return "\n";
		case "ul":
		case "ol":
			return list(x.i).map((b, n) => `${x.t === "ol" ? `${(x.start ?? 1) + n}.` : "•"} ${plain(b, d)}`).join("\n");
		case "table":
			return [list(x.head), ...list(x.rows)].map((r) => list(r).map((c) => plain(c, d)).join("\t")).join("\n");
		case "sources":
			return list(x.i).map((s) => s?.title || s?.href || "").join("\n");
		default:
			return typeof x.s === "string" ? x.s : plain(x.c ?? x.b ?? x.i ?? x.text ?? "", d);
	}
}

const list = (x) => (Array.isArray(x) ? x : []);

function inlines(into, x, t, depth) {
	for (const i of list(x)) {
		if (typeof i === "string") {
			into.append(i);
			continue;
		}
		if (!i || typeof i !== "object") continue;
		if (depth > MAX_DEPTH) {
			into.append(plain(i));
			continue;
		}
		const tag = { __proto__: null, b: "strong", i: "em", s: "s" }[i.t];
		if (tag) {
			const el = h(tag);
			inlines(el, i.c, t, depth + 1);
			into.append(el);
		} else if (i.t === "br") into.append(h("br"));
		else if (i.t === "code") into.append(h("code", { dir: "ltr" }, String(i.s ?? "")));
		else if (i.t === "a" && safeHref(i.href)) {
			const el = h("a", { href: safeHref(i.href), target: "_blank", rel: "noopener noreferrer nofollow" });
			inlines(el, i.c, t, depth + 1);
			if (!el.textContent) el.textContent = i.href;
			into.append(el);
		} else inlines(into, i.c ?? [plain(i)], t, depth + 1);
	}
	return into;
}

function code(b, t) {
	const text = h("code", null, String(b.s ?? ""));
	const button = h("button", {
		type: "button",
		class: "tool small",
		title: t("copy_code"),
		"aria-label": t("copy_code"),
		onclick: async () => (await copyText(text.textContent)) && ticked(button, "copy", t("copied")),
	}, icon("copy", 16));
	return h("figure", { class: "code", dir: "ltr" },
		h("figcaption", null, h("span", null, String(b.lang || "").slice(0, 40)), button),
		h("pre", { tabindex: "0", role: "group", "aria-label": b.lang ? `${t("code")}: ${String(b.lang).slice(0, 40)}` : t("code") }, text));
}

function table(b, t, depth) {
	const align = (n) => ({ c: "c", r: "r" })[list(b.align)[n]];
	const row = (cells, tag) =>
		h("tr", null, list(cells).map((c, n) => inlines(h(tag, { class: align(n), dir: "auto", scope: tag === "th" && "col" }), c, t, depth + 1)));
	return h("div", { class: "table", tabindex: "0", role: "group", "aria-label": t("table") },
		h("table", { dir: "auto" }, list(b.head).length ? h("thead", null, row(b.head, "th")) : null, h("tbody", null, list(b.rows).map((r) => row(r, "td")))));
}

function sources(b, t) {
	return h("div", { class: "sources", role: "group", "aria-label": t("sources") },
		h("span", { class: "label" }, t("sources")),
		h("ol", null, list(b.i).map((s) => {
			const href = safeHref(s?.href);
			const name = String(s?.title || s?.href || "");
			if (!href) return h("li", null, h("span", null, name));
			const host = href.startsWith("http") ? new URL(href).host : "";
			return h("li", null, h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", title: href },
				h("span", { class: "name", dir: "auto" }, name), host && host !== name ? h("span", { class: "host" }, host) : null));
		})));
}

function block(b, t, depth, above = 1) {
	if (!b || typeof b !== "object" || depth > MAX_DEPTH) return h("p", { dir: "auto" }, plain(b));
	switch (b.t) {
		case "p":
			return inlines(h("p", { dir: "auto" }), b.c, t, depth);
		case "h":
			// The page has the h1; an answer's headings go down one step at a time, whatever the model wrote.
			return inlines(h(`h${Math.min(6, Math.max(1, b.n | 0) + 1, above + 1)}`, { class: `h${Math.min(4, Math.max(1, b.n | 0))}`, dir: "auto" }), b.c, t, depth);
		case "ul":
		case "ol": {
			const start = b.t === "ol" && Number.isSafeInteger(b.start) && b.start !== 1 ? b.start : null;
			return h(b.t, { start, dir: "auto" }, list(b.i).map((i) => {
				const done = i?.task ?? null; // an item may be a list of blocks, or carry a task's state beside it
				const li = h("li", { class: done !== null && "task" }, done !== null ? h("span", { class: "box", role: "img", "aria-label": done ? t("done") : t("not_done") }, done ? icon("check", 14) : null) : null);
				fill(li, list(i?.b ?? i), t, depth + 1);
				return li;
			}));
		}
		case "code":
			return code(b, t);
		case "quote":
			return fill(h("blockquote", { dir: "auto" }), list(b.b), t, depth + 1);
		case "table":
			return table(b, t, depth);
		case "hr":
			return h("hr");
		case "sources":
			return sources(b, t);
		default:
			return h("p", { dir: "auto" }, plain(b));
	}
}

function fill(el, blocks, t, depth) {
	let above = 1;
	for (const b of blocks) {
		const x = block(b, t, depth, above);
		if (b?.t === "h") above = Number(x.localName[1]);
		el.append(x);
	}
	return el;
}

/** Make ${el}'s children from index ${from} on show ${blocks}; ${t} gives the words.  Growing code keeps its element and its scroll. */
export function showBlocks(el, blocks, from, t) {
	let above = 1;
	for (let n = Math.min(from, el.children.length) - 1; n >= 0 && above === 1; n--) above = Number(/^h([2-6])$/.exec(el.children[n].localName)?.[1] || 1);
	for (let n = from; n < blocks.length; n++) {
		const b = blocks[n];
		const old = el.children[n];
		if (old && b?.t === "code" && old.matches("figure.code")) {
			const text = old.querySelector("code");
			const s = String(b.s ?? "");
			if (text.textContent !== s) text.textContent = s;
			old.querySelector("figcaption span").textContent = String(b.lang || "").slice(0, 40);
			continue;
		}
		const x = block(b, t, 0, above);
		if (b?.t === "h") above = Number(x.localName[1]);
		if (old) old.replaceWith(x);
		else el.append(x);
	}
	while (el.children.length > blocks.length) el.lastElementChild.remove();
}
