interface Wrong {
  readonly message: string;
  /** True for what Istio has and this mesh does not. */
  readonly refused: boolean;
}

const REGISTRY =
  "images are not pulled from registries; put it into a layout on disk (skopeo copy docker://IMAGE oci:/PATH:TAG) and write oci-layout:///PATH:TAG";

/** What is wrong with the url of a module; undefined where it can be read or fetched. Istio's `ValidateWasmPlugin` knows oci (also without a scheme), file, http and https. */
export function wrongUrl(url: string): Wrong | undefined {
  const scheme = /^([A-Za-z][\w+.-]*):\/\//.exec(url)?.[1]?.toLowerCase() ?? "oci";
  switch (scheme) {
    case "oci":
      return { message: REGISTRY, refused: true };
    case "file":
    case "oci-layout":
      return url.slice(scheme.length + 3).startsWith("/")
        ? undefined
        : { message: `the path must be absolute: ${scheme}:///PATH, on the machine of the control service`, refused: false };
    case "http":
    case "https":
      if (!URL.canParse(url) || !/^https?:\/\/[^/]/i.test(url)) return { message: `${JSON.stringify(url)} is no URL`, refused: false };
      return new URL(url).username === ""
        ? undefined
        : { message: "a URL with a password is not fetched; put the module where it wants none", refused: true };
    default:
      return { message: `the scheme "${scheme}" is none of file, http, https, oci-layout and builtin`, refused: false };
  }
}
