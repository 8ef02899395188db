import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { contribute } from "./contribution.ts";
import { fields, type ProxyConfigSpec } from "./fields.ts";

/** Settings of proxies: https://istio.io/latest/docs/reference/config/networking/proxy-config/ */
export const proxyConfig: Kind<ProxyConfigSpec> = {
  kind: "ProxyConfig",
  group: "networking.istio.io",
  versions: ["v1beta1"],
  body: "spec",
  fields,
  check,
  contribute,
  checkInMesh,
};
