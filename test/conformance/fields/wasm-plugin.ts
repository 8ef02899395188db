import type { Evidences } from "./evidence.ts";

const SCENARIOS = "control/xds/types/filter/user-plugin.scenarios.ts";
const SERVICE = "test/integration/control/wasm-plugin.test.ts";

export const wasmPlugin: Evidences = {
  "selector.matchLabels": `${SCENARIOS}: is no part of the proxies that are not selected`,
  url: `${SERVICE}: a module that cannot be had closes what it is for, until it can`,
  sha256: `${SERVICE}: a module comes from an image on disk, %s, and only with the digest that is asked for`,
  imagePullPolicy: `${SERVICE}: a module from a URL is fetched again when its object changes, where that is said, and only then`,
  pluginConfig: `${SERVICE}: a module is read anew when its file changes, and a broken one leaves the one that was`,
  pluginName: `${SCENARIOS}: is given its environment and its root id`,
  phase: `${SCENARIOS}: stands where its phase says, between our filters too`,
  priority: `${SCENARIOS}: stands before others of its phase by priority, and each sees what the ones before it let by`,
  failStrategy: `${SCENARIOS}: %s answers %s`,
  "vmConfig.env.name": `${SCENARIOS}: is given its environment and its root id`,
  "vmConfig.env.valueFrom": `${SCENARIOS}: is given its environment and its root id`,
  "vmConfig.env.value": `${SCENARIOS}: is given its environment and its root id`,
  "match.mode": `${SCENARIOS}: sees the traffic that it is for`,
  "match.ports.number": `${SCENARIOS}: sees the traffic that it is for`,
  type: `${SCENARIOS}: a module sees connections, of HTTP and of bytes, on both sides`,
};
