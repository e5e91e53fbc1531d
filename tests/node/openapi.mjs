// docs/openapi.json: valid, clean for a linter, and its examples fit its schemas.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import Ajv2020 from 'ajv/dist/2020.js';
import { Rig, root } from './lib/rig.mjs';
import { run } from './lib/tap.mjs';

const source = fs.readFileSync(`${root}/docs/openapi.json`, 'utf8');
const doc = JSON.parse(source);
let rig;

const tests = {
	async document__is_clean__for_the_linter() {
		const config = await createConfig({ extends: ['recommended'], rules: { 'no-server-example.com': 'off', 'tag-description': 'off' } });
		const problems = await lintFromString({ source, absoluteRef: `${root}/docs/openapi.json`, config });
		assert.deepEqual(problems.map((p) => `${p.ruleId}: ${p.message} at ${p.location[0]?.pointer}`), []);
	},

	async schemas__compile_and_examples__fit_them() {
		const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
		let n = 0;
		for (const [path, { post }] of Object.entries(doc.paths)) {
			assert.equal(path, `/api/v1/${post.operationId}`);
			const body = post.requestBody.content['application/json'];
			const valid = ajv.compile(body.schema);
			assert.ok(body.example, `${path} has no example`);
			assert.ok(valid(body.example), `${path}: ${ajv.errorsText(valid.errors)}`);
			assert.equal(body.schema.additionalProperties, false, path);
			assert.equal(post.responses[200].content['application/json'].schema.type, 'object', path);
			ajv.compile(post.responses[200].content['application/json'].schema);
			n++;
		}
		assert.ok(n >= 10, `only ${n}`);
	},

	async answers_of_the_server__fit__the_document() {
		const ajv = new Ajv2020({ strict: false, allErrors: true });
		const problem = ajv.compile(doc.components.schemas.Problem);
		const seen = {};
		for (const [path, { post }] of Object.entries(doc.paths)) {
			const body = post.requestBody.content['application/json'].example;
			delete body.team;
			const answer = await fetch(`http://127.0.0.1:${rig.port}${path}`, {
				method: 'POST', body: JSON.stringify(body),
				headers: { authorization: `Bearer ${rig.localToken()}`, 'content-type': 'application/json', 'x-request-id': `test-${post.operationId}` },
			});
			const json = await answer.json();
			const valid = answer.status === 200 ? ajv.compile(post.responses[200].content['application/json'].schema) : problem;
			assert.ok(valid(json), `${path}: ${JSON.stringify(json)}: ${ajv.errorsText(valid.errors)}`);
			assert.equal(answer.headers.get('x-request-id'), `test-${post.operationId}`);
			assert.ok(answer.status < 500, `${path}: ${JSON.stringify(json)}`);
			seen[post.operationId] = answer.status;
		}
		for (const name of ['session.get', 'thread.list', 'fork.list', 'memory.list', 'search.messages', 'key.issue', 'key.list']) assert.equal(seen[name], 200, name);
		assert.equal(seen['thread.get'], 404);
	},
};

await run(tests, {
	before: async () => {
		rig = await Rig.open({});
	},
	after: () => rig?.close(),
});
