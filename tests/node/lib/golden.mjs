// HTML as the page has made it (without its own address), held against files of tests/golden/web; EDDY_WRITE=1 writes them anew.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './rig.mjs';

const folder = path.join(root, 'tests/golden/web');

/* One tag a line, indented; what is drawn (paths of icons) is left out. */
const source = (el) => {
	const out = [];
	const text = (s) => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
	const walk = (n, depth) => {
		const pad = '\t'.repeat(depth);
		if (n.nodeType === 3) return n.data.trim() ? out.push(pad + text(n.data)) : 0;
		if (n.nodeType !== 1) return 0;
		const name = n.localName;
		const given = [...n.attributes].map((a) => ` ${a.name}="${text(a.value.replace(location.origin, '')).replace(/ new\b/, '').replaceAll('"', '&quot;')}"`).join('');
		if (name === 'time') return out.push(`${pad}<time datetime="${n.dateTime}"/>`); // its words depend on the day on which they are read
		if (name === 'svg') return out.push(`${pad}<svg class="${n.getAttribute('class')}"/>`);
		out.push(`${pad}<${name}${given}>`);
		for (const c of n.childNodes) walk(c, depth + 1);
		if (name === 'textarea' || name === 'input') out.push(`${pad}\t${text(n.value)}`);
		return out.push(`${pad}</${name}>`);
	};
	walk(el, 0);
	return `${out.join('\n')}\n`;
};

/** What ${locator} shows is what ${name}.html says. */
export async function golden(locator, name) {
	const got = await locator.evaluate(source);
	const file = path.join(folder, `${name}.html`);
	if (process.env.EDDY_WRITE) {
		fs.mkdirSync(folder, { recursive: true });
		fs.writeFileSync(file, got);
		console.log(`# wrote ${file}`);
	}
	assert.equal(got, fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '', `${name}.html is another one; EDDY_WRITE=1 writes it`);
}
