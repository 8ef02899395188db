import { Code, type MeshObject, type MeshView, type Report } from "../../model/index.ts";
import { pluginOf } from "./contribution.ts";
import type { WasmPluginSpec } from "./fields.ts";

/** Whether the module could be had. */
export function checkInMesh(object: MeshObject<WasmPluginSpec>, mesh: MeshView, report: Report): void {
  const { module, failStrategy } = pluginOf(object);
  const state = module === undefined ? undefined : mesh.module(module.key);
  if (state?.status !== "failed") return;
  const consequence =
    failStrategy === "FAIL_OPEN"
      ? "proxies go on with what they have, and where that is nothing without it"
      : "proxies go on with what they have, and where that is nothing they refuse what it is for";
  report("error", Code.Unreadable, ["spec", "url"], `${state.reason}; ${consequence}`);
}
