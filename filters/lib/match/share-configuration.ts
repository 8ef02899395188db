import { ConfigValue } from "../config";
import { Bucketing } from "./bucket";
import { parseBucketing } from "./bucketing-configuration";
import { Share } from "./share";

/** Reads `{value, by}`: percent in steps of 0.0001, and what they are sticky to; without `by` at random for each request. */
export function parseShare(value: ConfigValue): Share {
  value.object(["value", "by"]);
  const size = value.required("value");
  const by = value.get("by");
  return new Share(by != null ? parseBucketing(by) : Bucketing.random(), size != null ? size.percentage() : 0);
}
