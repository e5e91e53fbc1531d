/*
 * What Eddy offers beside words: buttons, links, choices, forms, cards, progress.  Each becomes real form controls; what a person
 * does goes out as act(action, value).  A kind that we do not know shows its fallback text.
 */
import { safeHref } from "./blocks.js";
import { h, icon } from "./dom.js";

const list = (x) => (Array.isArray(x) ? x : []);
const words = (x) => (typeof x === "string" || typeof x === "number" ? String(x) : "");
let serial = 0;

function button(c, act) {
	const style = ["primary", "danger"].includes(c.style) ? c.style : "plain";
	return h("button", { type: "button", class: `button ${style}`, "data-name": c.action === "fork.edit" ? "draft" : null, onclick: () => act(c.action, words(c.value)) }, words(c.label) || words(c.fallback));
}

function choices(c, act, t) {
	const many = !!c.multiple;
	const name = `choice${serial++}`;
	const options = list(c.options).map((o) => (typeof o === "string" ? { label: o, value: o } : o || {}));
	if (!many)
		return h("div", { class: "choices", role: "group", "aria-label": words(c.label) || null },
			c.label ? h("p", { class: "label" }, words(c.label)) : null,
			h("div", { class: "row" }, options.map((o) => button({ ...o, action: o.action || c.action }, act))));
	const form = h("form", { class: "choices card" },
		h("fieldset", null, h("legend", null, words(c.label)),
			options.map((o) => h("label", { class: "check" }, h("input", { type: "checkbox", name, value: words(o.value ?? o.label) }), h("span", null, words(o.label))))),
		h("button", { class: "button primary" }, words(c.submit) || t("send")));
	form.addEventListener("submit", (e) => {
		e.preventDefault();
		act(c.action, JSON.stringify([...form.querySelectorAll("input:checked")].map((i) => i.value)));
	});
	return form;
}

function field(f) {
	const id = `field${serial++}`;
	const name = words(f.name) || id;
	const props = { id, name, required: !!f.required, placeholder: words(f.placeholder) || null };
	const value = words(f.value);
	let input;
	if (f.type === "select" || (list(f.options).length && f.type !== "text"))
		input = h("select", props, f.required ? null : h("option", { value: "" }), list(f.options).map((o) => {
			const { label, value: v } = typeof o === "string" ? { label: o, value: o } : o || {};
			return h("option", { value: words(v ?? label), selected: words(v ?? label) === value && value !== "" }, words(label));
		}));
	else if (f.type === "textarea" || f.type === "multiline") input = h("textarea", { ...props, rows: "3", maxlength: f.max, value });
	else if (f.type === "checkbox" || f.type === "boolean")
		return h("label", { class: "check" }, h("input", { ...props, type: "checkbox", checked: f.value === true || value === "true" }), h("span", null, words(f.label) || name));
	else {
		const type = ["email", "number", "date", "time", "url", "tel"].includes(f.type) ? f.type : "text";
		input = h("input", { ...props, type, maxlength: f.max, value });
	}
	return h("div", { class: "field" }, h("label", { for: id }, words(f.label) || name, f.required ? h("span", { "aria-hidden": "true" }, " *") : null), input);
}

function form(c, act, t) {
	const el = h("form", { class: "card form" }, c.label ? h("p", { class: "title" }, words(c.label)) : null, list(c.fields).map(field),
		h("div", { class: "row" }, h("button", { class: "button primary" }, words(c.submit) || t("send"))));
	el.addEventListener("submit", (e) => {
		e.preventDefault();
		const out = {};
		for (const i of el.querySelectorAll("input, select, textarea")) out[i.name] = i.type === "checkbox" ? i.checked : i.value;
		act(c.action, JSON.stringify(out));
	});
	return el;
}

function card(c, act, t) {
	const href = safeHref(c.href || c.value);
	const title = words(c.title) || words(c.label);
	return h("div", { class: "card" },
		h("p", { class: "title", dir: "auto" }, href ? h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, title) : title),
		c.text || c.fallback ? h("p", { class: "muted", dir: "auto" }, words(c.text) || (c.fallback !== title ? words(c.fallback) : "")) : null,
		list(c.fields).length ? h("dl", null, list(c.fields).flatMap((f) => [h("dt", null, words(f?.label)), h("dd", { dir: "auto" }, words(f?.value))])) : null,
		list(c.components || c.buttons).length ? h("div", { class: "row" }, list(c.components || c.buttons).map((x) => component(x, act, t))) : null);
}

function progress(c, t) {
	const n = Number.parseFloat(c.value);
	const known = Number.isFinite(n);
	const bar = h("progress", { max: "100", "aria-label": words(c.label) || t("progress") });
	if (known) bar.value = Math.min(100, Math.max(0, n));
	return h("div", { class: "progress" }, h("span", { class: "label" }, words(c.label), known ? h("span", { class: "muted" }, ` ${Math.round(bar.value)} %`) : null), bar);
}

function component(c, act, t) {
	switch (c?.kind) {
		case "button":
			return button(c, act);
		case "link": {
			const href = safeHref(c.value || c.href);
			if (!href) return h("span", null, words(c.fallback) || words(c.label));
			return h("a", { class: "button plain", href, target: "_blank", rel: "noopener noreferrer nofollow" }, words(c.label) || href, icon(/^fork\./.test(c.action) ? "fork" : "link", 15));
		}
		case "choices":
			return choices(c, act, t);
		case "form":
			return form(c, act, t);
		case "card":
			return card(c, act, t);
		case "progress":
			return progress(c, t);
		default:
			return h("p", { dir: "auto" }, words(c?.fallback));
	}
}

/** The components of one message; neighbours that are buttons or links stand in one row.  act(action, value) is called once per press. */
export function showComponents(all, act, t, text = "") {
	const el = h("div", { class: "components" });
	const once = (action, value) => {
		if (typeof action !== "string" || el.hasAttribute("data-done") || act(action, value) === false) return; // false: nothing was sent
		el.setAttribute("data-done", "");
		for (const x of el.querySelectorAll("button, input, select, textarea")) x.disabled = true;
		el.append(h("p", { class: "muted small", role: "status" }, icon("check", 14), t("act_sent")));
	};
	let row = null;
	for (const c of list(all)) {
		if (c?.kind === "link" && /^fork\./.test(c.action) && text.includes(`](${c.value})`)) continue; // the words lead there already
		const inRow = c?.kind === "button" || c?.kind === "link";
		if (inRow && !row) el.append((row = h("div", { class: "row" })));
		if (!inRow) row = null;
		(row || el).append(component(c, once, t));
	}
	return el;
}
