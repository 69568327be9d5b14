/**
 * What there are builds for. The release's list (`scripts/dist/platforms.json`) is held to it by a test.
 *
 * @internal
 */
export const PLATFORMS: readonly string[] = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
];

/**
 * How the native half is called on this platform, in the manner of napi: `linux-x64-gnu`, `darwin-arm64`,
 * `win32-x64-msvc`.
 *
 * @internal
 */
export function platformName(): string {
  const abi = { linux: isMusl() ? '-musl' : '-gnu', win32: '-msvc' }[process.platform as string] ?? '';
  return `${process.platform}-${process.arch}${abi}`;
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  return reported()?.header?.glibcVersionRuntime === undefined;
}

/**
 * What Node tells of its process, without its network: for that Node looks up the names of both ends of every open
 * socket, and blocks meanwhile.
 */
function reported(): { header?: { glibcVersionRuntime?: string } } | undefined {
  const report = process.report as (NodeJS.ProcessReport & { excludeNetwork: boolean }) | undefined;
  if (!report) return undefined;
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    return report.getReport() as { header?: { glibcVersionRuntime?: string } };
  } finally {
    report.excludeNetwork = before;
  }
}
