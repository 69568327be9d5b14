import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Native } from './native.js';
import { platformName } from './platform.js';

/**
 * Loads the native half: a build beside the package first, then the platform's own package.
 *
 * @throws Error, saying what was looked for and what to do.
 * @internal
 */
export function load(): Native {
  const platform = platformName();
  const beside = join(__dirname, '..', `threelo.${platform}.node`);
  const name = existsSync(beside) ? beside : `@threelo/${platform}`;
  try {
    return require(name) as Native;
  } catch (cause) {
    throw new Error(missing(platform, beside, name), { cause });
  }
}

function missing(platform: string, beside: string, name: string): string {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const advice =
    major < 20
      ? `threelo needs Node 20 or later; this is ${process.version}.`
      : 'Install threelo again without omitting optional dependencies; in a checkout of it, run `npm run build:native`.';
  return (
    `threelo's native half for ${platform} could not be loaded from ${name}. ` +
    `Looked for ${beside} and for the package @threelo/${platform}. ${advice}`
  );
}
