/**
 * Why there is no Envoy to run. `code`:
 * - `version`: the version that was asked for is not a supported one, or not the one found;
 * - `platform`: no wheel exists for this machine;
 * - `download`: the wheel cannot be had (no network, no Python, a broken transfer);
 * - `corrupt`: what came is not what was pinned.
 */
export class EnvoyReleaseError extends Error {
  /**
   * @param {"version" | "platform" | "download" | "corrupt"} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "EnvoyReleaseError";
    this.code = code;
  }
}
