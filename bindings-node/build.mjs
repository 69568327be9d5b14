// Builds the native half with cargo and puts it beside the package, under the name the loader looks for.
// `--release` for the optimised build; any other shares its dependencies with the tests' build. Cargo alone is enough for this; @napi-rs/cli would bring a hundred packages.
import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { platformName } = createRequire(import.meta.url)('./lib/platform.js');

const given = process.argv.slice(2);
const kind = given.includes('--release') ? given : ['--features', 'alike', ...given];
const args = ['build', '--package', 'threelo-node', '--message-format', 'json-render-diagnostics', ...kind];
const { status, stdout } = spawnSync('cargo', args, {
  cwd: dirname(here),
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 2 ** 30,
});
if (status !== 0) process.exit(status ?? 1);
const library = stdout
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === 'compiler-artifact' && message.target.name === 'threelo_node')
  .flatMap((message) => message.filenames)
  .find((name) => /\.(so|dylib|dll)$/.test(name));

// Renamed into place: a process that has the old one loaded keeps it whole.
const target = join(here, `threelo.${platformName()}.node`);
copyFileSync(library, `${target}.new`);
renameSync(`${target}.new`, target);
console.log(`built ${target}`);
