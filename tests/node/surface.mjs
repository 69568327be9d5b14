// Prints the public surface of the built package as JSON, in snake_case, for the comparison with api.toml and with the
// Python face. Verbs and classes are looked up in the package itself, options and fields in its declarations: what a
// user's compiler sees.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import * as threelo from 'threelo';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));
const declarations = fileURLToPath(import.meta.resolve('threelo')).replace(/\.mjs$/, '.d.mts');
const { CLASSES } = createRequire(import.meta.url)(`${root}/bindings-node/lib/codes.js`);

const program = ts.createProgram([declarations], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
  typeRoots: [`${root}/node_modules/@types`],
});
const checker = program.getTypeChecker();
const exported = new Map(
  checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations))).map((one) => [one.name, one]),
);

/** A name as Python and Rust spell it. A timeout carries its unit in Node only. */
const snake = (name) => (name === 'timeoutMs' ? 'timeout' : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

function typeOf(name) {
  const symbol = exported.get(name);
  if (!symbol) throw new Error(`the package's declarations have no ${name}`);
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return checker.getDeclaredTypeOfSymbol(target);
}

/** Names of the options of a type that may be undefined. */
function optionsOf(type) {
  return checker.getPropertiesOfType(checker.getNonNullableType(type)).map((option) => option.name);
}

/** Positional arguments and options together, without `signal`, which other languages have no use for. */
function verbOptions(method) {
  const declaration = method.valueDeclaration;
  const [signature] = checker.getTypeOfSymbol(method).getCallSignatures();
  const names = signature.getParameters().flatMap((parameter) => {
    const type = checker.getTypeOfSymbolAtLocation(parameter, declaration);
    return parameter.name === 'options' ? optionsOf(type) : [parameter.name];
  });
  if (!names.includes('signal')) throw new Error(`${method.name} takes no signal`);
  return names.filter((name) => name !== 'signal').map(snake).sort();
}

function verbs() {
  // `fetch` is the web's way to send requests; Python's are the modules `threelo.httpx` and `threelo.requests`.
  const others = ['constructor', 'fetch'];
  const names = Object.getOwnPropertyNames(threelo.Client.prototype).filter((name) => !others.includes(name));
  const type = typeOf('Client');
  return Object.fromEntries(names.map((name) => [snake(name), verbOptions(type.getProperty(name))]));
}

/** Fields that can be read: no methods, nothing private, nothing that every `Error` has but its message. */
function fieldsOf(name) {
  const ofEveryError = name === 'ThreeloError' ? ['name', 'stack', 'cause'] : [];
  // The web's way to have a body in pieces; Python's is `iter_bytes()`, a method.
  const ofTheWeb = name === 'Response' ? ['body'] : [];
  const fields = checker.getPropertiesOfType(typeOf(name)).filter((field) => {
    const callable = checker.getTypeOfSymbol(field).getCallSignatures().length > 0;
    return !callable && field.name !== '#private' && ![...ofEveryError, ...ofTheWeb].includes(field.name);
  });
  return fields.map((field) => snake(field.name)).sort();
}

function errors() {
  const classes = Object.entries(CLASSES).map(([code, one]) => {
    if (threelo[one.name] !== one) throw new Error(`${one.name} is not exported`);
    return [code, one.name];
  });
  const listed = classes.map(([, name]) => name);
  const others = Object.keys(threelo).filter((name) => name.endsWith('Error') && !listed.includes(name));
  if (others.join() !== 'ThreeloError') throw new Error(`classes without a code: ${others}`);
  return Object.fromEntries(classes);
}

const records = { Authorization: 'Authorization', ConnectSession: 'ConnectSession', Site: 'Site', Connection: 'Connection', Response: 'Response', KeepAliveReport: 'KeepAliveReport', RekeyReport: 'RekeyReport', Attention: 'Attention', HistoryEntry: 'HistoryEntry', LedgerEntry: 'LedgerEntry', RateLimit: 'RateLimit', RequestResult: 'RequestResult', Error: 'ThreeloError' };
const surface = {
  verbs: verbs(),
  fields: Object.fromEntries(Object.entries(records).map(([record, name]) => [record, fieldsOf(name)])),
  errors: errors(),
  relay_options: optionsOf(typeOf('FetchOptions')).map(snake).filter((name) => name !== 'timeout').sort(),
  client_options: optionsOf(typeOf('ClientOptions')).map(snake).sort(),
};
process.stdout.write(`${JSON.stringify(surface, null, 2)}\n`);
