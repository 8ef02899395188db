import { Text } from "../bytes";
import { ConfigValue } from "../config";
import { Bucketing, BucketKey } from "./bucket";

/** Reads `{header | cookie | sourceAddress, seed}`. */
export function parseBucketing(value: ConfigValue): Bucketing {
  value.object(["header", "cookie", "sourceAddress", "seed"]);
  value.atMostOne(["header", "cookie", "sourceAddress"]);
  let key = BucketKey.Random;
  let name = Text.of("");
  const header = value.get("header");
  const cookie = value.get("cookie");
  const source = value.get("sourceAddress");
  if (header != null) {
    key = BucketKey.Header;
    name = header.headerName();
  } else if (cookie != null) {
    key = BucketKey.Cookie;
    name = cookie.nonEmptyText();
  } else if (source != null) {
    key = BucketKey.SourceAddress;
    if (!source.bool()) source.report("can only be true");
  } else {
    value.report("needs one of header, cookie, sourceAddress");
  }
  const seed = value.get("seed");
  return new Bucketing(key, name, seed != null ? <u64>seed.integer(0, 0x1f_ffff_ffff_ffff) : 0);
}
