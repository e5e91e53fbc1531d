/* What no rule of axe sees: something that does not fit, or lies over something else. */
export const misfits = (t) => t.page.evaluate(() => {
	const out = [];
	if (document.documentElement.scrollWidth > innerWidth) out.push(`${document.documentElement.scrollWidth - innerWidth} pixels wider than the screen`);
	const walk = (root) => {
		for (const el of root.querySelectorAll('*')) {
			if (el.shadowRoot) walk(el.shadowRoot);
			const r = el.getBoundingClientRect();
			if (!r.width || !r.height || el.closest('[inert], pre, .offscreen, table') || getComputedStyle(el).visibility === 'hidden') continue;
			if (/^(button|a|input|select|textarea)$/.test(el.localName) && (r.left < -1 || r.right > innerWidth + 1)) out.push(`<${el.localName} class="${el.className}"> "${(el.getAttribute('aria-label') ?? el.textContent).slice(0, 40)}" from ${Math.round(r.left)} to ${Math.round(r.right)} of ${innerWidth}`);
			if (el.localName === 'button' && (r.width < 24 || r.height < 24) && !el.classList.contains('linkish')) out.push(`button "${(el.getAttribute('aria-label') ?? el.textContent).slice(0, 40)}" is ${Math.round(r.width)} × ${Math.round(r.height)}`);
		}
	};
	walk(document);
	return out;
});
