// How the package is loaded, and what is in it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import * as esm from 'threelo';

import { folder, ROOT } from './support.mjs';

const require = createRequire(import.meta.url);

test('import and require give the very same classes', () => {
  const cjs = require('threelo');
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).filter((name) => !/^(default|__esModule|module\.exports)$/.test(name)).sort());
  for (const name of Object.keys(cjs)) assert.equal(cjs[name], esm[name], name);
});

test('the checkout itself can be required', () => {
  assert.equal(require(ROOT).Client, esm.Client);
});

test('every file that package.json names is there', () => {
  const { main, types, exports } = require('threelo/package.json');
  const named = [main, types, ...Object.values(exports['.']).flatMap(Object.values)];
  for (const name of named) assert.ok(existsSync(join(ROOT, name)), name);
});

test('a missing native half is reported with what was looked for and what to do', () => {
  const lib = join(folder(), 'bindings-node', 'lib');
  mkdirSync(lib, { recursive: true });
  cpSync(join(ROOT, 'bindings-node', 'lib'), lib, { recursive: true });
  const program = `try { require(${JSON.stringify(lib)}) } catch (error) { console.log(error.message) }`;
  const told = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  assert.match(told, /threelo\.\w+-\w+(-\w+)?\.node/);
  assert.match(told, /@threelo\/\w+-\w+/);
  assert.match(told, /npm run build:native/);
});
