/** Where the sources of a new filter find what they import. */
export interface Imports {
  readonly sdk: string;
  readonly lib: string;
}

/** `header-guard` to `HeaderGuard`. */
function className(name: string): string {
  return name
    .split("-")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}

export function entry(name: string, { sdk }: Imports): string {
  return `// The callbacks that this filter uses; one that is not exported costs nothing.
export * from "${sdk}/exports/stateful";
export * from "${sdk}/exports/response-headers";

import { register } from "${sdk}";
import { ${className(name)}Root } from "./root";

register("${name}", () => new ${className(name)}Root());
`;
}

export function root(name: string, { sdk, lib }: Imports): string {
  const type = className(name);
  return `import { Config } from "${lib}/config";
import { Bytes, Counter, Root, Stream, Text } from "${sdk}";
import { ${type}Stream } from "./stream";

/** One configuration: \`{"header": "x-name", "value": "text"}\`. */
@final
export class ${type}Root extends Root {
  header: Text = Text.of("");
  value: Text = Text.of("");
  readonly responses: Counter = new Counter("${name}.responses");

  configure(configuration: Bytes): string | null {
    const config = new Config(configuration);
    const root = config.root;
    if (root != null) {
      root.object(["header", "value"]);
      const header = root.required("header");
      const value = root.required("value");
      if (header != null) this.header = header.headerName();
      if (value != null) this.value = value.headerValue();
    }
    return config.problem;
  }

  createStream(): Stream {
    return new ${type}Stream();
  }
}
`;
}

export function stream(name: string, { sdk }: Imports): string {
  const type = className(name);
  return `import { HeaderMap, HeadersAction, HttpStream } from "${sdk}";
import { ${type}Root } from "./root";

/** One request. Objects are used again: what a field keeps is forgotten in \`reset\`. */
@final
export class ${type}Stream extends HttpStream {
  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<${type}Root>(this.root);
    headers.add(root.header.bytes, root.value.bytes);
    root.responses.increment();
    return HeadersAction.Continue;
  }
}
`;
}
