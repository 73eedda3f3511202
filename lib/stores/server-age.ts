/** The first two numbers of a version. */
export type Version = readonly [major: number, minor: number];

/**
 * Why a server cannot be used, as its error says it; null when it is not too old.
 *
 * @param name What it is, with its version as it puts it.
 */
export function whyTooOld(name: string, [major, minor]: Version, oldest: Version): string | null {
  const isOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  return isOld ? `it is ${name}, and ${oldest.join('.')} or later is needed` : null;
}
