// Debian's Chromium by playwright-core, and what every page is watched for: errors, dialogs, what its policy refused, foreign addresses.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { build, root } from './rig.mjs';
import { patience } from './tap.mjs';

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const binary = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((f) => fs.existsSync(f));
export const shots = path.join(build, 'shots');

/** Why no browser can be had here, or "". */
export function lacking() {
	if (parseInt(process.versions.node) < 20) return 'node is older than 20';
	if (!binary) return 'no chromium-headless-shell';
	return '';
}

export async function launch() {
	const { chromium } = await import('playwright-core');
	return chromium.launch({
		executablePath: binary, timeout: patience(120000),
		args: ['--disable-dev-shm-usage', '--font-render-hinting=none', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
	});
}

/* Runs before any script of the page. */
function spy() {
	const seen = { csp: [], pwned: 0 };
	Object.defineProperty(window, '__seen', { value: seen });
	window.__pwn = () => {
		seen.pwned++;
	};
	document.addEventListener('securitypolicyviolation', (e) => seen.csp.push(`${e.effectiveDirective}: ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber} ${e.sample}`));
	for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => window.__pwn();
}

export class Tab {
	/** A fresh profile unless ${context} of another tab is given. */
	static async open(browser, { width = 1440, height = 900, scheme = 'light', locale = 'en-GB', context, quiet = /$^/, init, watch, ...more } = {}) {
		const t = new Tab();
		t.context = context ?? (await browser.newContext({
			viewport: { width, height }, colorScheme: scheme, locale, timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', ...more,
		}));
		if (!context) await t.context.addInitScript(spy);
		if (init) await t.context.addInitScript(init);
		t.page = await t.context.newPage();
		t.page.setDefaultTimeout(patience(60000));
		await watch?.(t.page, t.context);
		t.faults = [];
		t.requests = [];
		t.quiet = quiet; // errors in the console that the test makes on purpose
		t.page.on('console', (m) => {
			const text = `${m.text()} (${m.location().url}:${m.location().lineNumber})`;
			if (m.type() === 'error' || (m.type() === 'warning' && /violat|deprecat/i.test(text))) if (!t.quiet.test(text)) t.faults.push(`console: ${text}`);
		});
		t.page.on('pageerror', (e) => t.faults.push(`error: ${e.stack ?? e}`));
		t.page.on('dialog', (d) => {
			if (d.type() !== 'beforeunload') t.faults.push(`dialog: ${d.message()}`);
			d.dismiss().catch(() => {});
		});
		t.page.on('request', (r) => t.requests.push(r.url()));
		return t;
	}

	/** What went wrong so far: nothing may have. */
	async clean() {
		const seen = await this.page.evaluate(() => ({ csp: [...window.__seen.csp], pwned: window.__seen.pwned }));
		assert.deepEqual({ faults: this.faults, ...seen }, { faults: [], csp: [], pwned: 0 });
	}

	/** Nothing but ${origins} was asked for anything. */
	stayedHome(...origins) {
		const foreign = this.requests.filter((u) => !/^(data|blob|about):/.test(u) && !origins.some((o) => u === o || u.startsWith(`${o}/`)));
		assert.deepEqual(foreign, []);
	}

	async shot(name) {
		fs.mkdirSync(shots, { recursive: true });
		await this.page.screenshot({ path: path.join(shots, `${name}.png`), animations: 'disabled', caret: 'hide' });
	}

	/** Violations of WCAG 2.2 A and AA and of good practice, one line each. */
	async axe(include) {
		// The page's policy lets nothing be evaluated; the debugger may.
		const cdp = await this.context.newCDPSession(this.page);
		await cdp.send('Runtime.evaluate', { expression: `if (!window.axe) { ${axeSource} }` });
		await cdp.detach();
		return this.page.evaluate(async (include) => {
			const r = await window.axe.run(include ?? document, {
				runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
			});
			return r.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${JSON.stringify(n.target)} ${n.html.slice(0, 160)} ${n.failureSummary?.replaceAll('\n', ' ').slice(0, 200)}`));
		}, include);
	}

	/** Walks the document and all shadow trees: what does not belong into a page that is built by createElement and textContent. */
	async odd(allowed = []) {
		return this.page.evaluate((allowed) => {
			const bad = [];
			const tags = new Set(`html head meta title link script body div span p a b i s strong em del code pre ul ol li h1 h2 h3 h4 h5 h6 blockquote table thead tbody tfoot tr th td caption
				colgroup col hr br button input textarea select option label form fieldset legend dialog details summary header footer main nav aside section article time output progress meter
				svg path circle rect line polyline g slot template dl dt dd small sup sub menu kbd search hgroup figure figcaption datalist mark style eddy-chat eddy-widget ${allowed.join(' ')}`.split(/\s+/));
			const walk = (n) => {
				if (n.nodeType === 1) {
					const name = n.localName;
					if (!tags.has(name)) bad.push(`<${name}>`);
					if (name === 'script' && (!n.src || new URL(n.src).origin !== location.origin && !allowed.includes('foreign-script'))) bad.push(`script ${n.src} ${n.textContent.slice(0, 80)}`);
					for (const a of n.attributes) {
						if (/^on/i.test(a.name)) bad.push(`<${name} ${a.name}=${a.value.slice(0, 80)}>`);
						if (['href', 'src', 'action', 'formaction', 'xlink:href', 'srcdoc', 'ping', 'data', 'poster', 'background'].includes(a.name) && name !== 'script' && name !== 'link') {
							const url = a.value.trim();
							const ok = a.name === 'href' && name === 'a' ? /^(https?:\/\/|mailto:|#|\/(?!\/))/i.test(url) && !/[\u0000-\u001f]/.test(a.value) : name === 'use' || url === '';
							if (!ok) bad.push(`<${name} ${a.name}=${a.value.slice(0, 100)}>`);
						}
					}
					if (name === 'a' && n.target === '_blank' && !/noopener|noreferrer/.test(n.rel)) bad.push('a link that opens a window and gives itself away');
					if (n.shadowRoot) walk(n.shadowRoot);
				}
				for (const c of n.childNodes) walk(c);
			};
			walk(document);
			return [...new Set(bad)];
		}, allowed);
	}

	/** All text that stands in the page, shadow trees too. */
	async text() {
		return this.page.evaluate(() => {
			let s = '';
			const walk = (n) => {
				if (n.nodeType === 3) s += n.data;
				if (n.nodeType === 1 && (n.localName === 'textarea' || n.localName === 'input')) s += `\n${n.value}\n`;
				if (n.shadowRoot) walk(n.shadowRoot);
				for (const c of n.childNodes) walk(c);
				if (n.nodeType === 1) s += '\n';
			};
			walk(document.documentElement);
			return s;
		});
	}

	async close() {
		await this.context.close().catch(() => {});
	}
}
export const page = (name) => path.join(root, 'adapters/web/page', name);
