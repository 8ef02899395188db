import { AttributeType } from "./expression";

/** What the path of an attribute can begin with. `node` is short for `xds.node`, as in Istio's expressions. */
const ROOTS: string[] = [
  "request",
  "response",
  "source",
  "destination",
  "connection",
  "upstream",
  "metadata",
  "filter_state",
  "xds",
  "node",
  "plugin_name",
  "plugin_root_id",
  "plugin_vm_id",
];

/** Attributes of Envoy that are integers; those that are not named here, nor below, are text. */
const INTEGERS: string[] = [
  "request.size",
  "request.total_size",
  "response.code",
  "response.flags",
  "response.grpc_status",
  "response.size",
  "response.total_size",
  "source.port",
  "destination.port",
  "upstream.port",
  "upstream.request_attempt_count",
  "connection.id",
  "xds.listener_direction",
];
const BOOLS: string[] = ["connection.mtls"];
/** Times and durations would give every request a series of its own; the others are no values but many. */
const REFUSED: string[] = ["request.time", "request.duration", "request.headers", "response.headers", "response.trailers"];

/** Why `path` names no attribute that can be a value, or null. */
export function attributeProblem(path: string[]): string | null {
  if (!ROOTS.includes(path[0])) return "`" + path[0] + "` is no attribute: one of " + ROOTS.join(", ");
  const name = path.join(".");
  if (path.length == 1 && !name.startsWith("plugin_")) return "`" + name + "` is no single value";
  return REFUSED.includes(name) ? "`" + name + "` cannot be the value of a tag" : null;
}

export function attributeType(path: string[]): AttributeType {
  const name = path.join(".");
  return INTEGERS.includes(name) ? AttributeType.Integer : BOOLS.includes(name) ? AttributeType.Bool : AttributeType.Text;
}

/** The path that Envoy knows. */
export function attributePath(path: string[]): string[] {
  return path[0] == "node" ? ["xds"].concat(path) : path;
}
