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
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime === undefined;
}
