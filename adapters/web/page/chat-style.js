/*
 * How the conversation looks: one constructed sheet, which works under the strictest style policy.  Colours come from --eddy-… properties
 * (docs/embedding.md lists them); light-dark() follows the color-scheme of whoever embeds us.
 */
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host {
	--bg: var(--eddy-bg, light-dark(#ffffff, #15181a));
	--raised: var(--eddy-raised, light-dark(#f4f6f5, #1f2427));
	--mine: var(--eddy-mine, light-dark(#e4efee, #233235));
	--text: var(--eddy-text, light-dark(#1b2123, #e6eaeb));
	--muted: var(--eddy-muted, light-dark(#566166, #a3aeb3));
	--line: var(--eddy-line, light-dark(#dde3e2, #32393d));
	--field: var(--eddy-field, light-dark(#7c898d, #6c797f));
	--accent: var(--eddy-accent, light-dark(#0b6670, #6fcad2));
	--on-accent: var(--eddy-on-accent, light-dark(#ffffff, #06282c));
	--danger: var(--eddy-danger, light-dark(#b3261e, #ff9d94));
	--danger-bg: var(--eddy-danger-bg, light-dark(#fcefed, #35201f));
	--radius: var(--eddy-radius, 14px);
	--column: var(--eddy-column, 47rem);
	--mono: var(--eddy-mono, ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace);
	display: block;
	min-height: 0;
	color: var(--text);
	background: var(--bg);
	font: var(--eddy-font, 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
.chat { position: relative; display: flex; flex-direction: column; height: 100%; min-height: 0; }
.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; scrollbar-gutter: stable; outline-offset: -3px; }
.log { max-width: calc(var(--column) + 3rem); margin: 0 auto; padding: 1.25rem 1.5rem 1.5rem; display: flex; flex-direction: column; gap: .75rem; }
button, input, select, textarea { font: inherit; color: inherit; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.offscreen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; display: block; }
.mark { fill: none; stroke: var(--accent); stroke-width: 2.6; stroke-linecap: round; flex: none; display: block; }
.muted { color: var(--muted); }
.small { font-size: .8125rem; }

/* messages */
.day { align-self: center; font-size: .8125rem; color: var(--muted); padding: .125rem .75rem; }
.earlier { align-self: center; }
.msg { position: relative; min-width: 0; max-width: 100%; }
.msg.mine, .msg.person { align-self: flex-end; max-width: min(85%, 38rem); display: flex; flex-direction: column; align-items: flex-end; }
.msg.other { align-self: flex-start; align-items: flex-start; }
.bubble { background: var(--mine); border-radius: var(--radius); border-end-end-radius: 4px; padding: .5rem .875rem; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 100%; }
.other .bubble { background: var(--raised); border-end-end-radius: var(--radius); border-end-start-radius: 4px; }
.msg.failed .bubble { background: var(--danger-bg); }
.msg.gone .bubble { background: none; border: 1px dashed var(--line); color: var(--muted); }
.msg.wait .bubble { background: none; box-shadow: inset 0 0 0 1.5px var(--mine); }
.who { display: flex; align-items: baseline; gap: .5rem; font-size: .875rem; }
.who b { font-weight: 600; }
.who time, .meta { color: var(--muted); font-size: .8125rem; }
.msg.eddy { display: grid; grid-template-columns: 28px minmax(0, 1fr); column-gap: .75rem; }
.msg.eddy > .mark { grid-row: 1 / span 6; margin-top: -1px; }
.msg.eddy > :not(.mark) { grid-column: 2; }
.meta { display: flex; align-items: center; flex-wrap: wrap; gap: .125rem .5rem; min-height: 1.875rem; margin-top: .25rem; }
.meta .state { display: inline-flex; align-items: center; gap: .25rem; }
.meta .bad { color: var(--danger); }
.meta .tools { display: inline-flex; gap: .125rem; }
.eddy .meta .tools { margin-inline-start: -.375rem; }
.fade { transition: opacity .12s; }
@media (hover: hover) {
	.msg:not(.last):not(:hover):not(:focus-within) .fade { opacity: 0; }
}
.tool { display: inline-grid; place-items: center; width: 30px; height: 30px; padding: 0; border: 0; border-radius: 8px; background: none; color: var(--muted); cursor: pointer; }
.tool:hover { background: var(--raised); color: var(--text); }
.tool[aria-pressed="true"] { color: var(--accent); background: var(--raised); }
.tool.small { width: 26px; height: 26px; }
.tool .icon { width: 17px; height: 17px; }
.linkish { border: 0; background: none; padding: .125rem .25rem; color: var(--accent); text-decoration: underline; text-underline-offset: 2px; cursor: pointer; border-radius: 4px; font-size: .8125rem; }

/* side threads: what left from a message, what comes back */
.forks { margin-top: .25rem; gap: .375rem; max-width: 100%; }
.forks .chip { border-radius: 999px; min-height: 1.875rem; font-size: .8125rem; padding: .0625rem .75rem; max-width: 100%; }
.forks .icon { color: var(--accent); }
.forks .chip .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.forks .chip.abandoned .name { text-decoration: line-through; color: var(--muted); }
.kind { display: inline-flex; align-items: center; gap: .25rem; align-self: center; padding: 0 .5rem; border-radius: 999px; font-size: .75rem; font-weight: 550; color: var(--on-accent); background: var(--accent); }
.draft .kind { color: var(--accent); background: none; box-shadow: inset 0 0 0 1px currentColor; }
.paper .body { border: 1px solid var(--line); border-inline-start: 3px solid var(--accent); border-radius: 12px; padding: .875rem 1.125rem; margin-top: .375rem; background: var(--bg); }
.draft .body { border-style: dashed; border-inline-start-style: solid; }
.paper.over .body { border-color: var(--line); color: var(--muted); }
.paper .body > :nth-child(1 of p:has(> strong:only-child)) > strong, .draft-editor .preview > p:first-child > strong:only-child { font-size: 1.0625rem; line-height: 1.35; }
.paper .components { margin-top: .625rem; }
.msg.found { animation: glow 2.4s ease-out; border-radius: 10px; }
@keyframes glow { 0%, 40% { background: light-dark(#fff1c2, #3d3310); box-shadow: 0 0 0 6px light-dark(#fff1c2, #3d3310); } }
.draft-editor { width: min(68rem, calc(100vw - 2rem)); max-width: none; max-height: calc(100dvh - 2rem); }
.draft-editor .title { margin: 0 0 .75rem; }
.draft-editor .sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin-bottom: .75rem; }
.draft-editor .field { align-content: start; min-width: 0; }
.draft-editor .field .label { font-size: .875rem; font-weight: 550; }
.draft-editor .field textarea { font: .9375rem/1.5 var(--mono); min-height: min(24rem, 50dvh); resize: vertical; padding: .625rem .75rem; }
.draft-editor .field textarea[aria-invalid="true"] { border-color: var(--danger); }
.draft-editor .preview { border: 1px solid var(--line); border-radius: 8px; padding: .625rem .875rem; margin: 0; min-height: min(24rem, 50dvh); max-height: 60dvh; overflow-y: auto; }
.draft-editor p.small { margin: 0; }
.draft-editor .bad, .draft-editor .over { color: var(--danger); }

/* what an answer is made of */
.body { overflow-wrap: anywhere; margin-top: .125rem; }
.body.plain { white-space: pre-wrap; }
.body > * { margin: 0; }
.body > * + * { margin-top: .875em; }
.body :is(h2, h3, h4, h5, h6) { line-height: 1.3; font-weight: 650; text-wrap: balance; }
.body > * + :is(h2, h3, h4, h5, h6) { margin-top: 1.5em; }
.body > :is(h2, h3, h4, h5, h6) + * { margin-top: .5em; }
.body .h1 { font-size: 1.375rem; }
.body .h2 { font-size: 1.1875rem; }
.body .h3 { font-size: 1.0625rem; }
.body .h4 { font-size: 1rem; }
.body p { text-wrap: pretty; }
.body ul, .body ol { padding-inline-start: 1.625em; }
.body li > * { margin: 0; }
.body li > * + * { margin-top: .375em; }
.body li + li { margin-top: .3em; }
.body li::marker { color: var(--muted); }
.body li.task { list-style: none; position: relative; }
.body .box { position: absolute; inset-inline-start: -1.5em; top: .3em; width: 1.0625em; height: 1.0625em; border: 1.5px solid var(--field); border-radius: 4px; display: grid; place-items: center; color: var(--accent); }
.body a, .card a { color: var(--accent); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 2px; }
.body a:hover { text-decoration-thickness: 2px; }
.body strong { font-weight: 650; }
.body code { font: .875em/1.5 var(--mono); }
.body :not(pre) > code { background: var(--raised); border: 1px solid var(--line); border-radius: 5px; padding: .05em .3em; box-decoration-break: clone; }
.body blockquote { border-inline-start: 3px solid var(--line); padding-inline-start: 1em; color: var(--muted); }
.body blockquote > * { margin: 0; }
.body blockquote > * + * { margin-top: .75em; }
.body hr { border: 0; border-top: 1px solid var(--line); margin: 1.5em 0; }
.code { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; background: var(--raised); }
.body li .code, .body blockquote .code { margin-top: .5em; }
.code figcaption { display: flex; justify-content: space-between; align-items: center; padding: .1875rem .375rem .1875rem .875rem; color: var(--muted); font-size: .8125rem; border-bottom: 1px solid var(--line); min-height: 2rem; }
.code .tool:hover { background: var(--bg); }
.code pre { margin: 0; padding: .75rem .875rem; overflow-x: auto; outline-offset: -3px; tab-size: 4; overflow-wrap: normal; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; outline-offset: -3px; }
table { border-collapse: collapse; min-width: 100%; font-size: .9375rem; line-height: 1.45; }
th, td { padding: .5rem .875rem; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: normal; min-width: 5rem; max-width: 24rem; }
th { background: var(--raised); font-weight: 600; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
th.c, td.c { text-align: center; }
th.r, td.r { text-align: end; font-variant-numeric: tabular-nums; }
.sources .label { font-size: .8125rem; color: var(--muted); font-weight: 600; }
.body .sources ol { list-style: none; counter-reset: s; display: flex; flex-wrap: wrap; gap: .375rem; padding: 0; margin: .375rem 0 0; }
.body .sources li { counter-increment: s; margin: 0; max-width: 100%; }
.sources li > * { display: inline-flex; align-items: baseline; gap: .375rem; max-width: 100%; border: 1px solid var(--line); border-radius: 999px; padding: .125rem .75rem; font-size: .8125rem; text-decoration: none; }
.sources li > ::before { content: counter(s); color: var(--muted); }
.sources a { text-decoration: none; }
.sources a:hover { background: var(--raised); }
.sources .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sources .host { color: var(--muted); white-space: nowrap; }
.error .body { background: var(--danger-bg); border-radius: 10px; padding: .625rem .875rem; display: flex; gap: .625rem; flex-direction: column; }

/* in the making */
.steps { margin: .25rem 0 .5rem; font-size: .875rem; color: var(--muted); }
.steps ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .25rem; }
.steps li { display: flex; align-items: flex-start; gap: .5rem; overflow-wrap: anywhere; }
.steps li > :first-child { margin-top: .25rem; }
.steps .bad { color: var(--danger); }
.steps summary { cursor: pointer; width: fit-content; border-radius: 6px; padding-inline-end: .25rem; }
.steps details ul { padding: .375rem 0 .25rem; }
.spin { width: 15px; height: 15px; flex: none; border: 2px solid var(--line); border-top-color: var(--accent); border-radius: 50%; animation: spin .9s linear infinite; }
.status { display: flex; align-items: center; gap: .625rem; color: var(--muted); min-height: 1.625rem; }
.body + .status { margin-top: .375rem; }
.dots { display: inline-flex; gap: 4px; }
.dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: pulse 1.2s infinite; }
.dots i:nth-child(2) { animation-delay: .16s; }
.dots i:nth-child(3) { animation-delay: .32s; }
@keyframes spin { to { transform: rotate(1turn); } }
@keyframes pulse { 0%, 60%, 100% { opacity: .25; transform: none; } 30% { opacity: 1; transform: translateY(-2px); } }
@keyframes rise { from { opacity: 0; transform: translateY(6px); } }
.msg.new { animation: rise .18s ease-out; }
.swirl .mark { animation: sway 2.4s ease-in-out infinite; }
@keyframes sway { 50% { transform: rotate(14deg); } }

/* buttons, components */
.button { display: inline-flex; align-items: center; justify-content: center; gap: .375rem; min-height: 2.25rem; padding: .25rem .875rem; border: 1px solid var(--line); border-radius: 9px; background: var(--bg); color: var(--text); text-decoration: none; cursor: pointer; font-size: .9375rem; line-height: 1.3; }
.button:hover:not(:disabled) { background: var(--raised); }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 550; }
.button.primary:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
.button.danger { color: var(--danger); border-color: currentColor; }
.button:disabled { opacity: .55; cursor: default; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; }
.row.end { justify-content: flex-end; }
.components { display: grid; gap: .75rem; margin-top: .875rem; justify-items: start; }
.components p { margin: 0; display: flex; align-items: center; gap: .375rem; }
.components .label { font-weight: 550; margin-bottom: .375rem; }
.card { width: 100%; max-width: 32rem; border: 1px solid var(--line); border-radius: 12px; padding: .875rem 1rem; display: grid; gap: .625rem; }
.card .title { font-weight: 600; }
.card dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; margin: 0; font-size: .9375rem; }
.card dt { color: var(--muted); }
.card dd { margin: 0; overflow-wrap: anywhere; }
fieldset { border: 0; padding: 0; margin: 0; display: grid; gap: .375rem; min-width: 0; }
legend { font-weight: 600; padding: 0 0 .375rem; }
.check { display: flex; gap: .5rem; align-items: baseline; }
input[type="checkbox"] { accent-color: var(--accent); width: 1rem; height: 1rem; transform: translateY(2px); }
.field { display: grid; gap: .25rem; }
.field label { font-size: .875rem; font-weight: 550; }
.field input, .field select, .field textarea, .reason input, .editor textarea { width: 100%; min-height: 2.25rem; padding: .375rem .625rem; border: 1px solid var(--field); border-radius: 8px; background: var(--bg); }
.progress { display: grid; gap: .25rem; width: 100%; max-width: 24rem; font-size: .9375rem; }
progress { appearance: none; width: 100%; height: 8px; border: 0; border-radius: 4px; background: var(--raised); overflow: hidden; }
progress::-webkit-progress-bar { background: var(--line); border-radius: 4px; }
progress::-webkit-progress-value { background: var(--accent); border-radius: 4px; }
progress::-moz-progress-bar { background: var(--accent); }
.reason { border: 1px solid var(--line); border-radius: 12px; padding: .75rem .875rem .875rem; display: grid; gap: .625rem; max-width: 32rem; margin-top: .25rem; font-size: .9375rem; }
.reason .row { gap: .375rem; }
.reason .chip { border-radius: 999px; min-height: 1.875rem; font-size: .875rem; padding: .0625rem .75rem; }
.reason .chip[aria-pressed="true"] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.reason .send { display: flex; gap: .5rem; }
.editor { display: grid; gap: .5rem; width: min(38rem, 75vw); max-width: 100%; }
.field :focus-visible, .reason input:focus-visible, .editor textarea:focus-visible { outline-offset: -1px; }
.editor textarea { border-radius: var(--radius); padding: .5rem .875rem; resize: none; max-height: 50vh; line-height: 1.6; }

/* empty */
.empty { min-height: 100%; display: flex; flex-direction: column; justify-content: center; max-width: var(--column); margin: 0 auto; padding: 2rem 1.5rem 12vh; }
.empty h2 { font-size: 1.75rem; line-height: 1.25; font-weight: 650; margin: 1rem 0 .125rem; letter-spacing: -.01em; text-wrap: balance; }
.empty p { margin: 0 0 1.5rem; color: var(--muted); font-size: 1.125rem; }
.suggest { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: .625rem; }
.suggest .button { justify-content: flex-start; text-align: start; min-height: 3.25rem; padding: .625rem 1rem; border-radius: 12px; }
.loading { display: grid; place-items: center; min-height: 100%; color: var(--muted); }

/* banner, composer */
.banner { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: .25rem .75rem; padding: .375rem 1rem; font-size: .875rem; background: light-dark(#fff3d6, #38301a); color: light-dark(#5a4300, #f4dfa6); }
.banner .linkish { color: inherit; }
.latest { position: absolute; inset-inline: 0; margin: 0 auto; width: fit-content; bottom: 100%; translate: 0 -.75rem; border-radius: 999px; box-shadow: 0 2px 10px rgb(0 0 0 / .14); font-size: .875rem; }
.composer { position: relative; width: 100%; max-width: calc(var(--column) + 3rem); margin: 0 auto; padding: 0 1.5rem .625rem; }
.box-in { display: flex; align-items: flex-end; gap: .375rem; border: 1px solid var(--field); border-radius: calc(var(--radius) + 6px); background: var(--bg); padding: .375rem; transition: border-color .12s; }
.box-in:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.box-in textarea { flex: 1; min-width: 0; border: 0; background: none; resize: none; padding: .375rem .625rem; line-height: 1.5; max-height: 40vh; min-height: 2.25rem; overflow-y: auto; outline: none; }
.box-in textarea::placeholder { color: var(--muted); opacity: 1; }
.round { flex: none; width: 36px; height: 36px; border-radius: 50%; border: 0; padding: 0; display: grid; place-items: center; cursor: pointer; background: var(--accent); color: var(--on-accent); }
.round:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
.round:disabled { background: var(--raised); color: var(--muted); cursor: default; }
.round.stop { background: none; color: var(--text); box-shadow: inset 0 0 0 1.5px var(--field); }
.round.stop .icon { fill: currentColor; }
.under { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; min-height: 1.25rem; margin: .375rem .625rem 0; font-size: .75rem; line-height: 1.4; color: var(--muted); }
.under .bad { color: var(--danger); }
.under .bad:empty { position: absolute; }
.typing { position: absolute; inset-inline-start: 2.25rem; bottom: 100%; font-size: .8125rem; color: var(--muted); background: var(--bg); padding: 0 .375rem; border-radius: 4px; }

dialog { border: 1px solid var(--line); border-radius: 16px; background: var(--bg); color: var(--text); padding: 1.25rem 1.375rem; max-width: min(26rem, calc(100vw - 2rem)); }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog p { margin: 0 0 .75rem; }
dialog .title { font-weight: 650; font-size: 1.0625rem; }

@media (max-width: 640px) {
	.log { padding: 1rem 1rem 1.25rem; gap: .625rem; }
	.composer { padding: 0 .75rem .5rem; padding-bottom: max(.5rem, env(safe-area-inset-bottom)); }
	.msg.eddy { display: block; }
	.msg.eddy > .mark { display: inline-block; width: 20px; height: 20px; float: inline-start; margin: .0625rem; margin-inline-end: .4375rem; }
	.msg.mine, .msg.person { max-width: 90%; }
	.under .hint { display: none; }
	.empty { padding: 1.5rem 1rem 4vh; }
	.empty h2 { font-size: 1.5rem; }
	.editor { width: 86vw; }
	th, td { padding: .4375rem .625rem; }
	.draft-editor .sides { grid-template-columns: 1fr; }
	.draft-editor { padding: 1rem; }
	.draft-editor .field textarea { min-height: 11rem; }
	.draft-editor .preview { min-height: 0; max-height: 30dvh; }
}
@media (pointer: coarse) {
	.tool { width: 40px; height: 40px; }
	.round { width: 40px; height: 40px; }
	.box-in textarea { min-height: 2.5rem; padding-block: .5rem; font-size: max(1rem, 16px); }
	.under .hint { display: none; }
}
@media (prefers-reduced-motion: reduce) {
	*, ::before, ::after { animation-duration: 0s !important; animation-iteration-count: 1 !important; transition: none !important; }
	.dots i { opacity: .6; }
}
@media (forced-colors: active) {
	.bubble, .box-in, .button { border: 1px solid; }
	.mark, .icon { stroke: CanvasText; }
}
`);
export default sheet;
