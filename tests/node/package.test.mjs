// How the package is loaded, and what is in it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

const LIB = join(ROOT, 'bindings-node', 'lib');

/** What loading says in a folder where nothing but these packages are installed, on a machine that says it is this one. */
function refusal({ packages = [], platform = 'linux', arch = 'x64', musl = false, broken = false } = {}) {
  const place = folder();
  const lib = join(place, 'node_modules', 'threelo', 'bindings-node', 'lib');
  mkdirSync(lib, { recursive: true });
  cpSync(LIB, lib, { recursive: true });
  for (const name of packages) {
    const half = join(place, 'node_modules', '@threelo', name);
    mkdirSync(half, { recursive: true });
    writeFileSync(join(half, 'package.json'), JSON.stringify({ name: `@threelo/${name}`, main: 'half.node' }));
    if (broken) writeFileSync(join(half, 'half.node'), 'no library');
  }
  const report = { header: musl ? {} : { glibcVersionRuntime: '2.36' } };
  const program = `
    for (const [name, value] of Object.entries(${JSON.stringify({ platform, arch })})) Object.defineProperty(process, name, { value });
    process.report.getReport = () => (${JSON.stringify(report)});
    try { require(${JSON.stringify(lib)}) } catch (error) { console.log(error.message, 'CAUSE', error.cause.code) }`;
  return execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
}

for (const [what, machine, ...said] of [
  ['an optional dependency left out', {}, /optional/, /serverExternalPackages/, /npm run build:native/, /@threelo\/linux-x64-gnu/],
  ['node_modules of glibc on Alpine', { musl: true, packages: ['linux-x64-gnu'] }, /for another platform: @threelo\/linux-x64-gnu/, /musl, as in Alpine/, /npm install where the program runs/],
  ['node_modules of Alpine on glibc', { packages: ['linux-x64-musl'] }, /C library is glibc/],
  ['a Node of another architecture', { platform: 'darwin', arch: 'x64', packages: ['darwin-arm64'] }, /This Node runs as x64/],
  ['a Node of another architecture, on Windows', { platform: 'win32', arch: 'arm64', packages: ['win32-x64-msvc'] }, /@threelo\/win32-arm64-msvc/, /This Node runs as arm64/],
  ['node_modules of another system', { packages: ['darwin-arm64'] }, /for another platform: @threelo\/darwin-arm64/, /do not copy node_modules/],
  ['a platform without a build', { platform: 'freebsd' }, /no build for this platform; there are builds for .*linux-x64-gnu/],
  ['a library that the system refuses', { packages: ['linux-x64-gnu'], broken: true }, /is there and the system refuses it: /, /CAUSE ERR_DLOPEN_FAILED/],
]) {
  test(`a native half that cannot be loaded is told with its reason and its cure: ${what}`, () => {
    const told = refusal(machine);
    for (const words of said) assert.match(told, words);
  });
}

test('the loader knows the platforms that are released', () => {
  const released = JSON.parse(readFileSync(join(ROOT, 'scripts', 'dist', 'platforms.json'), 'utf8')).map(({ npm }) => npm);
  assert.deepEqual(require(join(LIB, 'platform.js')).PLATFORMS, released);
});

test('loading asks for nothing of the network, whatever the program has open', () => {
  // A report of the process with its network looks up the name of both ends of every open socket, and waits for each.
  const program = `
    const { report } = process;
    const get = report.getReport;
    report.getReport = function () { console.log('asked without network:', report.excludeNetwork); return get.call(this); };
    const before = report.excludeNetwork;
    require(${JSON.stringify(ROOT)});
    console.log('left as it was:', report.excludeNetwork === before);`;
  const told = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  assert.equal(told, 'asked without network: true\nleft as it was: true\n');
});
