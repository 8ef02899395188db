import { Bytes } from "../../lib/bytes";
import { Status } from "../abi/enums";
import { proxy_get_property, proxy_set_property } from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize } from "../abi/results";
import { epoch } from "./epoch";

/**
 * An Envoy attribute by its path, made once (at start or configuration) and read on requests.
 *
 * Encodings of {@link get}: text as it is; integers, durations (ns) and doubles 8 bytes little-endian, for which there are typed reads;
 * booleans one byte; maps as header pairs.
 */
@final
export class Property {
  private readAt: u32 = 0;
  private value: usize = 0;

  private constructor(private readonly path: ArrayBuffer) {}

  /** `path` with dots between its segments, e.g. `source.address`. A segment that holds dots itself needs {@link Property.of}. */
  static named(path: string): Property {
    return Property.of(path.split("."));
  }

  /** Several, with spaces between them: a constant for each would be twice as much in the module. */
  static list(paths: string): StaticArray<Property> {
    const names = paths.split(" ");
    const list = new StaticArray<Property>(names.length);
    for (let i = 0; i < names.length; i++) list[i] = Property.named(names[i]);
    return list;
  }

  static of(segments: string[]): Property {
    return new Property(String.UTF8.encode(segments.join("\0")));
  }

  /** The value, or `null` where Envoy has none at this time. */
  get(): Bytes | null {
    return read(changetype<usize>(this.path), <usize>this.path.byteLength);
  }

  /** The same, read once in a callback: for what stays as it is meanwhile and is looked at by several, such as what belongs to the connection. */
  once(): Bytes | null {
    if (this.readAt != epoch) {
      this.readAt = epoch;
      this.value = changetype<usize>(this.get());
    }
    return changetype<Bytes | null>(this.value);
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
  return read(path.pointer, <usize>path.length);
}

function read(path: usize, length: usize): Bytes | null {
  if (proxy_get_property(path, length, RESULT, RESULT + 4) != 0) return null;
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
