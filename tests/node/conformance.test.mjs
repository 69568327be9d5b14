// The vectors of tests/conformance, run against the Node face; pytest and Rust run the same files.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { at, matches } from './conformance-matchers.mjs';
import { loadVectors, runVector } from './conformance-runner.mjs';

// api.toml is regular enough to be read line by line; a TOML parser would be a dependency for two keys.
const text = readFileSync(new URL('../../api.toml', import.meta.url), 'utf8');
const pattern = /^\[errors\.(\w+)\]\nretryable = (true|false)$/gm;
const codes = Object.fromEntries([...text.matchAll(pattern)].map(([, code, flag]) => [code, flag === 'true']));

const listed = (name) => JSON.parse(readFileSync(new URL(`../conformance/${name}`, import.meta.url), 'utf8'));

describe('conformance', { concurrency: 8 }, () => {
  for (const vector of loadVectors()) {
    it(vector.name, { timeout: 120_000 }, () => runVector(vector, codes));
  }
});

describe('the runner itself', { concurrency: 8 }, () => {
  for (const one of listed('matchers.json')) {
    it(JSON.stringify(one), () => assert.equal(matches(at(one, 'value'), one.is), one.holds));
  }
  for (const vector of listed('doctored.json')) {
    it(`fails: ${vector.name}`, () => assert.rejects(runVector(vector, codes), { message: new RegExp(vector.fails_with) }));
  }
});
