import { connectionManager, listener, type Bootstrap } from "../bootstrap/index.ts";

/** A listener `main` that answers every request with 200 and `text`. */
export function answering(text: string): Bootstrap {
  const route = { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: text } } };
  const manager = connectionManager({ stat_prefix: "main" }, [], [{ name: "all", domains: ["*"], routes: [route] }]);
  return { static_resources: { listeners: [listener("main", [{ filters: [manager] }])], clusters: [] } };
}
