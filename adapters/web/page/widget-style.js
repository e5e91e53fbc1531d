/*
 * How the widget looks: one constructed sheet, in pixels and em, because a page's own root font size is its own affair.  Colours come from
 * --eddy-… properties (docs/embedding.md lists them) and else from the look that widget-app.js has chosen.
 */
const dark = `
	--d-bg: #15181a; --d-raised: #22282b; --d-mine: #24373a; --d-text: #e6eaeb; --d-muted: #a3aeb3; --d-line: #343c40; --d-field: #6c797f;
	--d-accent: #6fcad2; --d-on-accent: #06282c; --d-danger: #ff9d94; --d-warn: #38301a; --d-on-warn: #f4dfa6;`;
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
.panel {
	--d-bg: #fff; --d-raised: #f2f5f4; --d-mine: #dfedeb; --d-text: #1b2123; --d-muted: #566166; --d-line: #dde3e2; --d-field: #7c898d;
	--d-accent: #0b6670; --d-on-accent: #fff; --d-danger: #b3261e; --d-warn: #fff3d6; --d-on-warn: #5a4300;
	--bg: var(--eddy-bg, var(--d-bg)); --raised: var(--eddy-raised, var(--d-raised)); --mine: var(--eddy-mine, var(--d-mine)); --text: var(--eddy-text, var(--d-text));
	--muted: var(--eddy-muted, var(--d-muted)); --line: var(--eddy-line, var(--d-line)); --field: var(--eddy-field, var(--d-field)); --accent: var(--eddy-accent, var(--d-accent));
	--on-accent: var(--eddy-on-accent, var(--d-on-accent)); --danger: var(--eddy-danger, var(--d-danger)); --radius: var(--eddy-radius, 16px);
	position: absolute; inset-block-end: calc(100% + 14px); inset-inline-end: 0; z-index: 1;
	display: flex; box-sizing: border-box; overflow: hidden;
	width: min(var(--eddy-width, 400px), 100vw - 2 * max(var(--eddy-gap, 20px), 8px)); height: min(var(--eddy-height, 640px), 100dvh - 110px);
	border: 1px solid var(--line); border-radius: var(--radius); background: var(--bg); color: var(--text); color-scheme: light;
	font: var(--eddy-font, 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
	box-shadow: 0 12px 48px rgb(0 0 0 / .2), 0 2px 8px rgb(0 0 0 / .1); animation: rise .18s ease-out;
}
.panel.dark { ${dark} color-scheme: dark; }
:host([side="start"]) .panel { inset-inline: 0 auto; }
[hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
h2, p, ul, ol, figure, pre, blockquote, form, fieldset { margin: 0; }
button, input, textarea, select { font: inherit; color: inherit; letter-spacing: inherit; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.offscreen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon, .mark { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; display: block; }
.mark { stroke: var(--accent); stroke-width: 2.8; }
.launcher[aria-expanded="true"] svg { display: none; }
.launcher[aria-expanded="true"]::after { content: ""; width: 13px; height: 13px; border: solid; border-width: 0 2.6px 2.6px 0; border-radius: 1px; rotate: 45deg; translate: 0 -3px; }
.badge { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px; background: #b3261e; color: #fff; font: 600 13px/22px system-ui, sans-serif; text-align: center; box-shadow: 0 0 0 2px #fff; }

.head { display: flex; align-items: center; gap: 10px; padding-block: 8px; padding-inline: 16px 8px; min-height: 56px; border-bottom: 1px solid var(--line); }
.head h2 { flex: 1; min-width: 0; font-size: 1.067em; font-weight: 650; line-height: 1.3; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tool { display: inline-grid; place-items: center; flex: none; width: 36px; height: 36px; padding: 0; border: 0; border-radius: 10px; background: none; color: var(--muted); cursor: pointer; }
.tool:hover { background: var(--raised); color: var(--text); }
.tool.small { width: 28px; height: 28px; border-radius: 8px; }
.banner { padding: 6px 16px; font-size: .867em; background: var(--d-warn); color: var(--d-on-warn); }
.linkish { white-space: nowrap; min-height: 26px; border: 0; background: none; padding: 2px 4px; color: var(--accent); text-decoration: underline; text-underline-offset: 2px; cursor: pointer; border-radius: 4px; }
.banner .linkish { color: inherit; }

.scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; outline-offset: -3px; }
.log { display: flex; flex-direction: column; gap: 12px; padding: 16px; min-height: 100%; }
.day { align-self: center; color: var(--muted); font-size: .8em; }
.msg { max-width: 88%; min-width: 0; display: flex; flex-direction: column; align-items: flex-start; align-self: flex-start; }
.msg.mine { align-self: flex-end; align-items: flex-end; }
.msg.new { animation: rise .16s ease-out; }
.who { display: flex; align-items: center; gap: 6px; margin-bottom: 3px; font-size: .867em; font-weight: 600; }
.who .muted { font-weight: 400; }
.muted { color: var(--muted); }
.bubble { max-width: 100%; padding: 8px 13px; border-radius: 16px; border-end-start-radius: 5px; background: var(--raised); overflow-wrap: anywhere; }
.mine .state { justify-content: flex-end; }
.mine .bubble { background: var(--mine); border-end-start-radius: 16px; border-end-end-radius: 5px; white-space: pre-wrap; }
.msg.wide { max-width: 100%; }
.in { flex: 1; min-width: 0; min-height: 0; display: flex; flex-direction: column; }
.plain { white-space: pre-wrap; }
.error .bubble { box-shadow: inset 0 0 0 1px var(--danger); }
.state { display: flex; flex-wrap: wrap; align-items: center; gap: 0 6px; min-height: 20px; margin-top: 3px; font-size: .8em; color: var(--muted); }
.state.bad, .bad { color: var(--danger); }
.dots { display: inline-flex; gap: 4px; padding: 8px 0; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--muted); animation: pulse 1.2s infinite; }
.dots i:nth-child(2) { animation-delay: .16s; }
.dots i:nth-child(3) { animation-delay: .32s; }
@keyframes pulse { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; } }
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }

.body > * + * { margin-top: .75em; }
.body :is(h2, h3, h4, h5, h6) { margin: 0; font-size: 1.067em; font-weight: 650; line-height: 1.35; white-space: normal; }
.body > * + :is(h2, h3, h4, h5, h6) { margin-top: 1.1em; }
.body ul, .body ol { padding-inline-start: 1.5em; }
.body li + li, .body li > * + * { margin-top: .25em; }
.body li.task { list-style: none; position: relative; }
.body .box { position: absolute; inset-inline-start: -1.5em; top: .25em; width: 1em; height: 1em; border: 1.5px solid var(--field); border-radius: 4px; }
.body a { color: var(--accent); text-underline-offset: 2px; }
.body code { font: .9em/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.body :not(pre) > code { background: var(--bg); border: 1px solid var(--line); border-radius: 5px; padding: 0 .25em; }
.body blockquote { border-inline-start: 3px solid var(--line); padding-inline-start: .8em; color: var(--muted); }
.body hr { border: 0; border-top: 1px solid var(--line); }
.code, .table { border: 1px solid var(--line); border-radius: 10px; background: var(--bg); overflow: hidden; }
.code figcaption { display: flex; justify-content: space-between; align-items: center; padding: 2px 4px 2px 12px; font-size: .8em; color: var(--muted); border-bottom: 1px solid var(--line); }
.code pre { padding: 8px 12px; overflow-x: auto; overflow-wrap: normal; tab-size: 4; outline-offset: -3px; }
.table { overflow-x: auto; outline-offset: -3px; }
table { border-collapse: collapse; min-width: 100%; font-size: .933em; }
th, td { padding: 6px 10px; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: normal; min-width: 4em; }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; }
.c { text-align: center; }
.r { text-align: end; font-variant-numeric: tabular-nums; }
.sources ol { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; }
.sources .label { font-size: .8em; color: var(--muted); }
.sources li { max-width: 100%; margin: 0 !important; }
.sources li > * { display: flex; gap: 6px; border: 1px solid var(--line); border-radius: 99px; padding: 1px 10px; font-size: .867em; text-decoration: none; background: var(--bg); }
.sources .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sources .host { color: var(--muted); white-space: nowrap; }

.button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 38px; padding: 4px 16px; border: 1px solid var(--line); border-radius: 10px; background: var(--bg); color: var(--text); cursor: pointer; text-decoration: none; line-height: 1.3; }
.button:hover:not(:disabled) { background: var(--raised); }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 550; }
.button.primary:hover:not(:disabled) { background: var(--accent); filter: brightness(1.1); }
.button.danger { color: var(--danger); border-color: currentColor; }
.button:disabled { opacity: .55; cursor: default; }
.row { display: flex; flex-wrap: wrap; gap: 8px; }
.row.end { justify-content: flex-end; }
.components { display: grid; gap: 10px; margin-top: 8px; width: 100%; }
.components p, .components .state { display: flex; gap: 6px; align-items: center; }
.card { border: 1px solid var(--line); border-radius: 12px; padding: 12px 14px; display: grid; gap: 10px; background: var(--bg); }
.title { font-weight: 600; }
.card dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 14px; margin: 0; }
.card dt { color: var(--muted); }
.card dd { margin: 0; overflow-wrap: anywhere; }
fieldset { border: 0; padding: 0; display: grid; gap: 6px; min-width: 0; }
legend { padding: 0 0 6px; font-weight: 600; }
.check { display: flex; gap: 10px; align-items: flex-start; }
.check input { flex: none; width: 18px; height: 18px; margin: 2px 0; accent-color: var(--accent); }
.field { display: grid; gap: 4px; }
.field label, .label { font-size: .933em; font-weight: 550; }
.field :is(input, select, textarea) { width: 100%; min-height: 42px; padding: 6px 12px; border: 1px solid var(--field); border-radius: 10px; background: var(--bg); }
.field :is(input, textarea):focus, .box-in:focus-within { outline: none; border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
progress { appearance: none; width: 100%; height: 8px; border: 0; border-radius: 4px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }

.talk { flex: 1; min-height: 0; display: flex; flex-direction: column; }
.page { flex: 1; min-height: 0; overflow-y: auto; display: flex; flex-direction: column; gap: 16px; padding: 20px 20px 16px; overscroll-behavior: contain; }
.page .lead { font-size: 1.2em; line-height: 1.4; font-weight: 600; text-wrap: balance; }
.page .row { margin-top: 4px; }
.page .button.primary { min-height: 44px; }
.foot { padding: 6px 16px max(8px, env(safe-area-inset-bottom)); font-size: .8em; line-height: 1.4; color: var(--muted); text-align: center; }
.foot a, .page a { color: inherit; text-underline-offset: 2px; }
.offer { display: flex; justify-content: center; padding: 0 12px 8px; }
.offer .button { min-height: 32px; font-size: .9em; border-radius: 99px; }
.say { padding: 0 12px; }
.box-in { display: flex; align-items: flex-end; gap: 4px; border: 1px solid var(--field); border-radius: calc(var(--radius) + 4px); padding: 4px; background: var(--bg); cursor: text; }
.box-in textarea { flex: 1; min-width: 0; height: 36px; max-height: 140px; padding: 7px 10px; border: 0; background: none; resize: none; line-height: 22px; outline: none; }
::placeholder { color: var(--muted); opacity: 1; }
.round { flex: none; display: grid; place-items: center; width: 36px; height: 36px; padding: 0; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent); cursor: pointer; }
.round:disabled { background: var(--raised); color: var(--muted); cursor: default; }
.round.stop .icon { fill: currentColor; }
.round.stop { background: none; color: var(--text); box-shadow: inset 0 0 0 1.5px var(--field); }
.under { padding: 0 12px 6px; font-size: .867em; }
.under:empty { display: none; }

@media (max-width: 480px), (max-height: 420px) {
	.panel { position: fixed; inset: 0; inset-block-start: var(--top, 0); width: auto !important; height: var(--tall, 100dvh) !important; border: 0; border-radius: 0; padding: env(safe-area-inset-top) env(safe-area-inset-right) 0 env(safe-area-inset-left); animation: none; }
	:host([side="start"]) .panel { inset-inline: 0; }
	.panel:not([hidden]) ~ .launcher { display: none; }
}
@media (pointer: coarse) {
	.tool, .round { width: 44px; height: 44px; }
	.box-in textarea { height: 44px; padding-block: 11px; }
	textarea, input, select { font-size: max(16px, 1em) !important; }
}
@media (prefers-reduced-motion) { *, .panel { animation: none !important; } .dots i { opacity: .6; } }
@media (forced-colors: active) { .bubble, .box-in { border: 1px solid; } .badge { border: 1px solid; } }
`);
export default sheet;
