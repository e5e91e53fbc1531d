/*
 * The editor of a draft: its Markdown at one side, how it will look at the other, and what is wrong with it in words.  The rules are those of
 * the server (core/talk/resolution.h), which has the last word.
 */
import { showBlocks } from "./blocks.js";
import { h } from "./dom.js";

const HEADLINE_MAX = 120;
const LINE_MAX = 400;
const LINES_MAX = 24;
const BYTES_MAX = 16000;
const length = (s) => [...s].length;
const bare = (line) => line.trim().replace(/^#{1,6}\s+/, "").replace(/^(\*\*|__)(.*)\1$/, "$2").trim();

/** What can be edited of the message ${text} that shows a draft: without the words before it, and with plain numbers. */
export function draftOf(text) {
	const [first, ...rest] = text.trim().split(/\n\s*\n/);
	return (/:$/.test(first.trim()) && rest.length ? rest.join("\n\n") : text).replace(/\[\[(\d+)\]\]\([^)]*\)/g, "[$1]").trim();
}

/** {headline, problem: [key, values] or null} of a draft. */
export function check(text) {
	const lines = text.split("\n").map((l) => l.trim()).filter(Boolean);
	const headline = bare(lines[0] || "");
	const items = lines.slice(1).filter((l) => /^[-*•]\s/.test(l));
	const long = items.find((l) => length(l) - 2 > LINE_MAX);
	let problem = null;
	if (!headline || /^[-*•]\s/.test(lines[0])) problem = ["draft_no_headline"];
	else if (length(headline) > HEADLINE_MAX) problem = ["draft_headline_long", { n: length(headline) - HEADLINE_MAX }];
	else if (long) problem = ["draft_line_long", { line: `${[...long.slice(2)].slice(0, 24).join("")}…`, n: LINE_MAX }];
	else if (items.length > LINES_MAX) problem = ["draft_lines", { n: LINES_MAX }];
	else if (new TextEncoder().encode(text).length > BYTES_MAX) problem = ["too_long", { n: new TextEncoder().encode(text).length - BYTES_MAX }];
	return { headline, problem };
}

/* The Markdown of a draft and no more: strong, emphasis, code, links, lists. */
function inline(s) {
	const out = [];
	const pattern = /\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|`([^`]+)`|\[((?:[^[\]]|\[[^\]]*\])+)\]\((https?:\/\/[^\s)]+)\)/gu;
	let at = 0;
	for (const m of s.matchAll(pattern)) {
		if (m.index > at) out.push(s.slice(at, m.index));
		if (m[1]) out.push({ t: "b", c: [m[1]] });
		else if (m[2]) out.push({ t: "i", c: [m[2]] });
		else if (m[3]) out.push({ t: "code", s: m[3] });
		else out.push({ t: "a", href: m[5], c: [m[4]] });
		at = m.index + m[0].length;
	}
	if (at < s.length) out.push(s.slice(at));
	return out;
}

export function blocks(text) {
	const out = [];
	for (const raw of text.split("\n")) {
		const line = raw.trim();
		const item = /^[-*•]\s+(.*)$/.exec(line);
		const heading = /^(#{1,6})\s+(.*)$/.exec(line);
		const last = out.at(-1);
		if (item && last?.t === "ul") last.i.push([{ t: "p", c: inline(item[1]) }]);
		else if (item) out.push({ t: "ul", i: [[{ t: "p", c: inline(item[1]) }]] });
		else if (heading) out.push({ t: "h", n: heading[1].length, c: inline(heading[2]) });
		else if (line) out.push({ t: "p", c: inline(line) });
		else if (last?.t === "ul") out.push(null);
	}
	return out.filter(Boolean);
}

/** Edit ${text} in a dialog inside ${root}; keep(text or null) is told what is not saved yet.  Resolves to the new text or null. */
export function editDraft(root, { words, text, keep, kept }) {
	const { t } = words;
	return new Promise((done) => {
		const area = h("textarea", { id: "draft-text", dir: "auto", spellcheck: "true", "aria-describedby": "draft-count draft-bad", value: kept ?? text });
		const view = h("div", { class: "body preview", tabindex: "0", role: "group", "aria-label": t("preview") });
		const count = h("p", { class: "muted small", id: "draft-count" });
		const bad = h("p", { class: "bad small", id: "draft-bad", role: "status" });
		const save = h("button", { class: "button primary" }, t("save"));
		const draw = () => {
			const { headline, problem } = check(area.value);
			count.textContent = t("headline_count", { n: length(headline), max: HEADLINE_MAX });
			count.classList.toggle("over", length(headline) > HEADLINE_MAX);
			const said = problem ? t(...problem) : "";
			if (bad.textContent !== said) bad.textContent = said;
			save.disabled = !!problem;
			area.setAttribute("aria-invalid", String(!!problem));
			view.replaceChildren();
			showBlocks(view, blocks(area.value), 0, t);
		};
		const form = h("form", { method: "dialog" }, h("h2", { class: "title", id: "draft-title" }, t("edit_draft")),
			h("div", { class: "sides" }, h("div", { class: "field" }, h("label", { for: "draft-text" }, t("draft_text")), area, count, bad),
				h("div", { class: "field" }, h("span", { class: "label", "aria-hidden": "true" }, t("preview")), view)),
			h("div", { class: "row end" }, h("button", { type: "button", class: "button plain", onclick: () => dialog.close() }, t("cancel")), save));
		const dialog = h("dialog", { class: "draft-editor", "aria-labelledby": "draft-title" }, form);
		let saved = null;
		let timer;
		area.addEventListener("input", () => {
			clearTimeout(timer);
			timer = setTimeout(() => keep(area.value === text ? null : area.value), 200);
			draw();
		});
		area.addEventListener("keydown", (e) => {
			if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !e.isComposing && !save.disabled) form.requestSubmit();
		});
		form.addEventListener("submit", () => (saved = area.value.trim()));
		dialog.addEventListener("close", () => {
			clearTimeout(timer);
			dialog.remove();
			keep(null);
			done(saved && saved !== text.trim() ? saved : null);
		});
		root.append(dialog);
		dialog.showModal();
		draw();
		area.focus();
		area.setSelectionRange(0, 0);
	});
}
