// The page's sources as they stand in the tree, under the page's own policy, for tests of single modules; /lab is an empty page.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './rig.mjs';

const folder = path.join(root, 'adapters/web/page');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml', '.json': 'application/json' };
export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export function lab() {
	return (q, r) => {
		const name = new URL(q.url, 'http://x').pathname;
		const head = { 'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
		if (name === '/lab') return r.writeHead(200, { ...head, 'content-type': types['.html'] }).end('<!doctype html><html lang=en><title>Lab</title><main></main>');
		if (name === '/favicon.ico') return r.writeHead(204).end();
		const file = path.join(folder, name === '/' ? 'index.html' : path.normalize(name));
		if (!file.startsWith(folder) || !fs.existsSync(file) || fs.statSync(file).isDirectory()) return r.writeHead(404).end();
		r.writeHead(200, { ...head, 'content-type': types[path.extname(file)] ?? 'application/octet-stream' });
		return r.end(fs.readFileSync(file));
	};
}
