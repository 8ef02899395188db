/**
 * What is wrong with a version of Node; undefined where it is new enough.
 *
 * @param version as `process.versions.node` has it
 * @param wanted as `engines` of package.json has it: `>=22.22`
 */
export function nodeProblem(version: string, wanted: string): string | undefined {
  const oldest = wanted.replace(">=", "");
  const isOld = oldest.localeCompare(version, "en", { numeric: true }) > 0;
  return isOld ? `Node ${oldest} or newer is needed; this is ${version} (${process.execPath})` : undefined;
}
