import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Native } from './native.js';
import { PLATFORMS, platformName } from './platform.js';

/**
 * Loads the native half: a build beside the package first, then the platform's own package.
 *
 * @throws Error, saying what is missing and what to do.
 * @internal
 */
export function load(): Native {
  const platform = platformName();
  const beside = join(__dirname, '..', `threelo.${platform}.node`);
  const name = existsSync(beside) ? beside : `@threelo/${platform}`;
  try {
    return require(name) as Native;
  } catch (cause) {
    const looked = `Looked for ${beside} and for the package @threelo/${platform}.`;
    const why = reason(platform, name, cause as NodeJS.ErrnoException);
    throw new Error(`threelo's native half for ${platform} could not be loaded. ${why} ${looked}`, { cause });
  }
}

/** What is most probably wrong, and what to do about it. */
function reason(platform: string, name: string, cause: NodeJS.ErrnoException): string {
  if (Number.parseInt(process.versions.node, 10) < 20) return `threelo needs Node 20 or later; this is ${process.version}.`;
  if (cause.code !== 'MODULE_NOT_FOUND') {
    return `${name} is there and the system refuses it: ${cause.message}. Install threelo again on this very system.`;
  }
  const others = installed().filter((other) => other !== name);
  if (others.length > 0) {
    return `What is installed is for another platform: ${others.join(', ')}. ${otherwise(platform, others)}`;
  }
  if (!PLATFORMS.includes(platform)) {
    return `There is no build for this platform; there are builds for ${PLATFORMS.join(', ')}. In a checkout of threelo, \`npm run build:native\` makes one.`;
  }
  return (
    'The optional dependency that holds it was left out. Install threelo again without --omit=optional (or --no-optional), ' +
    'and keep a bundler from packing it: in Next.js, list "threelo" in serverExternalPackages. In a checkout of threelo, ' +
    'run `npm run build:native`.'
  );
}

/** Native halves of other platforms that lie where this one's was looked for. */
function installed(): string[] {
  const folders = (require.resolve.paths('@threelo/native') ?? []).map((path) => join(path, '@threelo'));
  const found = folders.filter((path) => existsSync(path)).flatMap((path) => readdirSync(path));
  return [...new Set(found)].map((name) => `@threelo/${name}`);
}

function otherwise(platform: string, others: readonly string[]): string {
  const [system, arch] = platform.split('-') as [string, string];
  const again = 'Run npm install where the program runs, and do not copy node_modules from elsewhere';
  const near = others.filter((name) => name.startsWith(`@threelo/${system}-`));
  if (near.some((name) => name.startsWith(`@threelo/${system}-${arch}`))) {
    return `This system's C library is ${platform.endsWith('-musl') ? 'musl, as in Alpine' : 'glibc'}: ${again}, such as another base image.`;
  }
  if (near.length > 0) return `This Node runs as ${arch}: use the Node of the machine's own architecture, or ${again.toLowerCase()}.`;
  return `${again}.`;
}
