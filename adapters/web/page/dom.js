/* The few hands that build nodes.  Text goes in as text; nothing here parses markup. */
const SVG = "http://www.w3.org/2000/svg";
/* Strokes on a 24 by 24 field. */
const icons = {
	send: "M12 19V5M6 11l6-6 6 6",
	stop: "M8 8h8v8H8z",
	copy: "M9 9h11v11H9zM5 15H4V4h11v1",
	check: "M5 12.5l4.5 4.5L19 7.5",
	up: "M7 10.5V20H4v-9.500zM7 11l4-7.500c1.7 0 2.6 1.2 2.3 2.800L12.8 9.500H18c1.3 0 2.2 1.2 1.9 2.400l-1.5 6.200c-.3 1.1-1.2 1.9-2.4 1.900H7",
	down: "M17 13.500V4h3v9.500zM17 13l-4 7.500c-1.7 0-2.6-1.2-2.3-2.800l.5-3.200H6c-1.3 0-2.2-1.2-1.9-2.400l1.5-6.200C5.9 4.8 6.8 4 8 4h9",
	retry: "M4 12a8 8 0 1 0 2.6-5.900M4 4v4.500h4.5",
	edit: "M4 20l1-4L16.5 4.500l3 3L8 19z",
	trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
	panel: "M4 5h16v14H4zM15 5v14",
	menu: "M4 7h16M4 12h16M4 17h16",
	side: "M4 5h16v14H4zM9 5v14",
	sliders: "M4 8h8.500M17.500 8H20M4 16h2.500M11.500 16H20M15 5.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M9 13.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5",
	plus: "M12 5v14M5 12h14",
	search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l4 4",
	close: "M6 6l12 12M18 6L6 18",
	down2: "M12 5v14M6 13l6 6 6-6",
	alert: "M12 8v5M12 16.500v.01M12 3.500L22 20H2z",
	clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4.500l3 1.5",
	more: "M6 12h.01M12 12h.01M18 12h.01",
	link: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
	fork: "M7 4v16M7 9c0 3.500 2 6 5.500 6H18M14.500 11.500L18 15l-3.500 3.500",
	archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
	pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
};

/** An element: ${props} are attributes, on… listeners, "class"; null, false and undefined are left out. */
export function h(tag, props, ...children) {
	const el = document.createElement(tag);
	for (const [k, v] of Object.entries(props || {})) {
		if (v === null || v === undefined || v === false) continue;
		if (k.startsWith("on")) el.addEventListener(k.slice(2), v);
		else if (k === "value" || k === "disabled" || k === "checked") el[k] = v;
		else el.setAttribute(k, v === true ? "" : v);
	}
	el.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
	return el;
}

export function icon(name, size = 18) {
	const svg = document.createElementNS(SVG, "svg");
	for (const [k, v] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" })) svg.setAttribute(k, v);
	const path = document.createElementNS(SVG, "path");
	path.setAttribute("d", icons[name] || icons.more);
	svg.append(path);
	return svg;
}

/** Eddy's mark: a current that turns back on itself. */
export function mark(size = 28) {
	const svg = document.createElementNS(SVG, "svg");
	for (const [k, v] of Object.entries({ viewBox: "0 0 32 32", width: size, height: size, "aria-hidden": "true", class: "mark" })) svg.setAttribute(k, v);
	for (const d of ["M3 9c8-5 22-4 24 6 1.5 8-6 12.5-12 11S7 18 12 15s9 1 7 5", "M3 15c3-2 5-3 8-3.5"]) {
		const path = document.createElementNS(SVG, "path");
		path.setAttribute("d", d);
		svg.append(path);
	}
	return svg;
}

/** A button with an icon, whose name is said and shown as a tip. */
export function tool(name, label, onclick, props = {}) {
	return h("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick, ...props }, icon(name));
}

/** Copy ${text}; false when the browser does not let us. */
export async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const back = document.activeElement;
		const area = h("textarea", { class: "offscreen", readonly: true, "aria-hidden": "true", value: text });
		document.body.append(area);
		area.select();
		let done = false;
		try {
			done = document.execCommand("copy");
		} catch {
			/* neither way is open */
		}
		area.remove();
		back?.focus?.();
		return done;
	}
}

/** Show for a moment that a button's act is done. */
export function ticked(button, name, label) {
	const old = button.getAttribute("aria-label");
	button.replaceChildren(icon("check"));
	button.setAttribute("aria-label", label);
	button.title = label;
	setTimeout(() => {
		button.replaceChildren(icon(name));
		button.setAttribute("aria-label", old);
		button.title = old;
	}, 1500);
}

/** Ask for one line of text: resolves to it, without blanks at its ends, or to null. */
export function askText(root, { title, text, label, value = "", max, yes, no }) {
	return new Promise((done) => {
		const input = h("input", { type: "text", id: "ask-text", required: true, maxlength: max, autocomplete: "off", dir: "auto", value });
		const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title" },
			h("form", { method: "dialog" }, h("p", { class: "title", id: "ask-title" }, title), text ? h("p", { class: "muted quote", dir: "auto" }, text) : null,
				h("div", { class: "field" }, h("label", { for: "ask-text" }, label), input),
				h("div", { class: "row end" }, h("button", { type: "button", class: "button plain", onclick: () => dialog.close() }, no), h("button", { class: "button primary", value: "yes" }, yes))));
		dialog.addEventListener("close", () => {
			dialog.remove();
			done((dialog.returnValue === "yes" && input.value.replace(/\s+/g, " ").trim()) || null);
		});
		root.append(dialog);
		dialog.showModal();
		input.select();
	});
}

/** A menu below ${button}, inside its parent: items are {icon, label, note, run}.  Arrows move, Escape and a click elsewhere close it. */
export function openMenu(button, label, items) {
	const root = button.getRootNode();
	if (button.getAttribute("aria-expanded") === "true") return;
	const close = (back) => {
		el.remove();
		button.setAttribute("aria-expanded", "false");
		root.removeEventListener("pointerdown", outside, true);
		if (back) button.focus();
	};
	const outside = (e) => !e.composedPath().includes(el) && close(e.composedPath().includes(button));
	const el = h("div", { class: "menu", role: "menu", "aria-label": label }, items.map((i) => h("button", { type: "button", role: "menuitem", onclick: () => {
		close(true);
		i.run();
	} }, icon(i.icon, 16), h("span", { class: "name", dir: "auto" }, i.label), i.note ? h("span", { class: "muted small" }, i.note) : null)));
	el.addEventListener("keydown", (e) => {
		const all = [...el.children];
		const at = all.indexOf(e.target.closest("button"));
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key];
		if (e.key === "Escape" || e.key === "Tab") close(true);
		if (to !== undefined) all[(to + all.length) % all.length].focus();
		if (e.key === "Tab" || (e.key !== "Escape" && to === undefined)) return;
		e.preventDefault();
		e.stopPropagation();
	});
	button.setAttribute("aria-expanded", "true");
	button.parentNode.append(el);
	root.addEventListener("pointerdown", outside, true);
	el.firstElementChild.focus();
}

/** Ask before something that can't be undone.  ${root} is where the dialog lives; resolves to true when it was confirmed. */
export function ask(root, { title, text, yes, no }) {
	return new Promise((done) => {
		const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title" },
			h("p", { class: "title", id: "ask-title" }, title), text ? h("p", null, text) : null,
			h("form", { method: "dialog", class: "row end" },
				h("button", { class: "button plain", value: "no" }, no),
				h("button", { class: "button danger", value: "yes" }, yes)));
		dialog.addEventListener("close", () => {
			dialog.remove();
			done(dialog.returnValue === "yes");
		});
		root.append(dialog);
		dialog.showModal();
	});
}
