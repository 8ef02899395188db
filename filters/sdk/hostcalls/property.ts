import { Bytes, Text } from "../../lib/bytes";
import { Status } from "../abi/enums";
import { proxy_get_property, proxy_set_property } from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize } from "../abi/results";

/**
 * An Envoy attribute by its path, made once (at start or configuration) and read on requests.
 *
 * Encodings of {@link get}: text as it is; integers, durations (ns) and doubles 8 bytes little-endian, for which there are typed reads;
 * booleans one byte; maps as header pairs.
 */
@final
export class Property {
  private constructor(private readonly path: Text) {}

  /** `path` with dots between its segments, e.g. `source.address`. A segment that holds dots itself needs {@link Property.of}. */
  static named(path: string): Property {
    return Property.of(path.split("."));
  }

  static of(segments: string[]): Property {
    return new Property(Text.of(segments.join("\0")));
  }

  /** The value, or `null` where Envoy has none at this time. */
  get(): Bytes | null {
    return readProperty(this.path.bytes);
  }

  /** An integer or a duration; `fallback` where there is none. */
  getInteger(fallback: i64 = 0): i64 {
    const value = this.get();
    return value != null && value.length == 8 ? load<i64>(value.pointer) : fallback;
  }

  /** A double, as numbers of metadata are. */
  getDouble(fallback: f64 = 0): f64 {
    const value = this.get();
    return value != null && value.length == 8 ? load<f64>(value.pointer) : fallback;
  }

  getBool(fallback: bool = false): bool {
    const value = this.get();
    return value != null && value.length == 1 ? load<u8>(value.pointer) != 0 : fallback;
  }
}

/** `path` with NUL between its segments. */
export function readProperty(path: Bytes): Bytes | null {
  if (proxy_get_property(path.pointer, <usize>path.length, RESULT, RESULT + 4) != 0) return null;
  return Bytes.view(resultPointer(), resultSize());
}

/**
 * Sets the filter state `wasm.<name>` of the stream: `%FILTER_STATE(wasm.<name>:PLAIN)%` in access logs, `filter_state` elsewhere.
 * `name` is a single segment; Envoy accepts a longer one and makes it unreadable.
 */
export function setFilterState(name: Bytes, value: Bytes): Status {
  if (name.indexOf(0) >= 0) return Status.BadArgument;
  return proxy_set_property(name.pointer, <usize>name.length, value.pointer, <usize>value.length);
}
