// The declarations, as a user's compiler reads them: strictest settings, every file checked, both module systems.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { folder, ROOT } from './support.mjs';

const SOURCE = fileURLToPath(new URL('types/consumer.ts', import.meta.url));
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  isolatedModules: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
};
const NODE_NEXT = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
const BUNDLER = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };

/** What the compiler says of the consumer in a project of its own, where the package is installed. */
function compile(type, options) {
  const project = folder();
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  symlinkSync(ROOT, join(modules, 'threelo'));
  symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(modules, '@types', 'node'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type }));
  cpSync(SOURCE, join(project, 'consumer.ts'));
  const program = ts.createProgram([join(project, 'consumer.ts')], { ...STRICT, ...options, typeRoots: [join(modules, '@types')] });
  return ts.getPreEmitDiagnostics(program).map((found) => ts.flattenDiagnosticMessageText(found.messageText, '\n'));
}

const CASES = {
  'ESM with verbatimModuleSyntax': ['module', { ...NODE_NEXT, verbatimModuleSyntax: true }],
  CommonJS: ['commonjs', NODE_NEXT],
  'a bundler with verbatimModuleSyntax': ['module', { ...BUNDLER, verbatimModuleSyntax: true }],
};
for (const [name, [type, options]] of Object.entries(CASES)) {
  test(`a consumer compiles as ${name}`, () => assert.deepEqual(compile(type, options), []));
}
