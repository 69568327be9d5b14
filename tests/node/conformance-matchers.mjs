// What conformance vectors expect of a value. tests/conformance/README.md has the table of matchers.

import { isDeepStrictEqual } from 'node:util';

export const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
export const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
export const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([name, value]) => change(name, value)));

/** What the face handed out, as the vectors write it: names in snake_case, times in milliseconds. */
export function plain(value) {
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value ?? null;
  const own = ['tags', 'metadata', 'details'];
  return mapped(value, (name, item) => [snake(name), own.includes(name) ? item : plain(item)]);
}

export function at(value, path) {
  for (const name of path ? path.split('.') : []) {
    if (!((Array.isArray(value) || isObject(value)) && Object.hasOwn(value, name))) return undefined;
    value = value[name];
  }
  return value;
}

function same(actual, expected) {
  if (isObject(actual) && isObject(expected)) {
    const names = Object.keys(expected);
    return Object.keys(actual).length === names.length && names.every((name) => matches(actual[name], expected[name]));
  }
  if (Array.isArray(actual) && Array.isArray(expected))
    return actual.length === expected.length && expected.every((item, index) => matches(actual[index], item));
  return isDeepStrictEqual(actual, expected);
}

function contains(actual, wanted) {
  if (typeof actual === 'string' && typeof wanted === 'string') return actual.includes(wanted);
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.values(actual).some((item) => matches(item, wanted) || contains(item, wanted));
}

const words = (value) => (typeof value === 'string' ? value.split(/\s+/) : [...value]).sort();

const MATCHERS = {
  $present: (actual) => actual !== undefined && actual !== null,
  $absent: (actual) => actual === undefined || actual === null,
  $length: (actual, wanted) => (isObject(actual) ? Object.keys(actual) : actual)?.length === wanted,
  $starts: (actual, wanted) => typeof actual === 'string' && actual.startsWith(wanted),
  $ends: (actual, wanted) => typeof actual === 'string' && actual.endsWith(wanted),
  $uuid: (actual) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(actual),
  $base64url: (actual, least) => /^[A-Za-z0-9_-]+$/.test(actual) && actual.length >= least,
  $greater: (actual, wanted) => typeof actual === 'number' && actual > wanted,
  $contains: contains,
  $not: (actual, wanted) => actual !== undefined && !matches(actual, wanted),
  $words: (actual, wanted) => (typeof actual === 'string' || Array.isArray(actual)) && same(words(actual), words(wanted)),
  $json: (actual, wanted) => typeof actual === 'string' && same(JSON.parse(actual), wanted),
  $form: (actual, wanted) => typeof actual === 'string' && same(form(new URLSearchParams(actual)), wanted),
  $query: (actual, wanted) =>
    URL.canParse(actual) && Object.entries(wanted).every(([name, value]) => matches(query(actual, name), value)),
};

const form = (values) => mapped(Object.fromEntries(values), (name) => [name, values.getAll(name)]);

export function matches(actual, expected) {
  const names = isObject(expected) ? Object.keys(expected) : [];
  if (names.length > 0 && names.every((name) => name.startsWith('$')))
    return names.every((name) => MATCHERS[name](actual, expected[name]));
  return actual !== undefined && same(actual, expected);
}

export function query(url, name) {
  const values = new URL(url).searchParams.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}
