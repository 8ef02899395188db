import { Address } from "../lib/cidr";
import { Bytes, HeaderMap } from "../sdk";

const X_FORWARDED_FOR = Bytes.of("x-forwarded-for");
const COMMA: u8 = 0x2c;

/**
 * The client's address with `hops` trusted proxies in front: the entry of x-forwarded-for with `hops` entries behind it, as Envoy's
 * `xff_num_trusted_hops` counts after it has added its own peer. `fallback`, the address that Envoy itself took, where there are fewer entries; null where
 * the entry is no address.
 */
export function trustedAddress(headers: HeaderMap, hops: i32, fallback: Address): Address | null {
  const entry = entryFromEnd(headers, hops);
  return entry == null ? fallback : Address.parse(entry.trim());
}

/** The entry with `behind` entries after it, over all lines of the header; null where there are fewer. */
function entryFromEnd(headers: HeaderMap, behind: i32): Bytes | null {
  let wanted = countEntries(headers) - 1 - behind;
  if (wanted < 0) return null;
  const lines = headers.values(X_FORWARDED_FOR);
  while (lines.next()) {
    const line = lines.value;
    let start = 0;
    while (true) {
      const comma = line.indexOf(COMMA, start);
      if (wanted == 0) return line.slice(start, comma < 0 ? line.length : comma);
      wanted--;
      if (comma < 0) break;
      start = comma + 1;
    }
  }
  return null;
}

function countEntries(headers: HeaderMap): i32 {
  const lines = headers.values(X_FORWARDED_FOR);
  let count = 0;
  while (lines.next()) {
    const line = lines.value;
    count++;
    for (let i = 0; i < line.length; i++) count += <i32>(line[i] == COMMA);
  }
  return count;
}
