// Prints what the package's declarations say of each method of `Client`: the arguments by place, and the names of the options,
// with a question mark where they may be left out.

import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const declarations = fileURLToPath(import.meta.resolve('threelo')).replace(/\.mjs$/, '.d.mts');
const program = ts.createProgram([declarations], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
  typeRoots: [`${root}/node_modules/@types`],
});
const checker = program.getTypeChecker();
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations)));
const client = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(exported.find((one) => one.name === 'Client')));

const shown = (option) => option.name + (option.flags & ts.SymbolFlags.Optional ? '?' : '');

function signature(method) {
  const [{ parameters }] = checker.getTypeOfSymbol(method).getCallSignatures();
  const options = parameters.find((one) => one.name === 'options');
  const type = options && checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(options, method.valueDeclaration));
  return {
    leading: parameters.filter((one) => one !== options).map((one) => one.name),
    options: type ? checker.getPropertiesOfType(type).map(shown).sort() : [],
  };
}

const methods = checker.getPropertiesOfType(client).filter((one) => one.flags & ts.SymbolFlags.Method);
process.stdout.write(JSON.stringify(Object.fromEntries(methods.map((method) => [method.name, signature(method)]))));
