import { Bytes, Text } from "../bytes";
import { isHeaderName, isHeaderValue } from "../http";
import { JsonKind, JsonValue } from "../json";
import { decimal, parsedFixed, parseFixed } from "../number";
import { Problems } from "./problems";
import { suggestion } from "./suggestion";

/** Milliseconds: what fits the ABI's 32 bits. */
const MAX_DURATION: i64 = 4_000_000_000;
const BILLION: i64 = 1_000_000_000;

/**
 * A value of a configuration, with its path, read as the type that is wanted. What does not fit is reported and a harmless value returned, so
 * that one reading finds every problem; the configuration is refused at the end where there is any.
 */
@final
export class ConfigValue {
  constructor(
    private readonly json: JsonValue,
    /** `rules[3].match.uri`. */
    readonly path: string,
    private readonly problems: Problems,
  ) {}

  /** Reports `message` at this value. */
  report(message: string): void {
    this.problems.add(this.path, message, this.json.start);
  }

  /** Reports `message` about the member `name` of this value, at its key. */
  reportMember(member: ConfigValue, message: string): void {
    this.problems.add(member.path, message, member.json.keyStart);
  }

  /** Its text in the document. */
  get source(): Bytes {
    return this.problems.slice(this.json.start, this.json.end);
  }

  /** For what is read of {@link source} as a document of its own. */
  problemsWithin(): Problems {
    return this.problems.within(this.json.start);
  }

  get isObject(): bool {
    return this.json.kind == JsonKind.Object;
  }

  get isList(): bool {
    return this.json.kind == JsonKind.Array;
  }

  get isNumber(): bool {
    return this.json.kind == JsonKind.Number;
  }

  /** An object none of whose members is outside `allowed`. */
  object(allowed: string[]): ConfigValue {
    if (!this.expect(JsonKind.Object, "an object")) return this;
    let child = this.json.first;
    while (child != null) {
      const name = child.key.toString();
      if (!allowed.includes(name)) {
        this.problems.add(this.memberPath(name), "unknown field" + suggestion(name, allowed), child.keyStart);
      }
      child = child.next;
    }
    return this;
  }

  /** A member of an object, or `null`. */
  get(name: string): ConfigValue | null {
    const text = String.UTF8.encode(name);
    const member = this.json.member(Bytes.view(changetype<usize>(text), text.byteLength));
    return member != null ? new ConfigValue(member, this.memberPath(name), this.problems) : null;
  }

  /** The same, reported where it is missing. */
  required(name: string): ConfigValue | null {
    const member = this.get(name);
    if (member == null && this.isObject) this.report("`" + name + "` is missing");
    return member;
  }

  /** Reports where more than one of `names` is there. Returns how many are. */
  atMostOne(names: string[]): i32 {
    let count = 0;
    for (let i = 0; i < names.length; i++) {
      const member = this.get(names[i]);
      if (member != null && ++count == 2) this.reportMember(member, "only one of " + names.join(", ") + " may be set");
    }
    return count;
  }

  /** The members of a map from any names. */
  entries(): ConfigValue[] {
    const members: ConfigValue[] = [];
    if (!this.expect(JsonKind.Object, "an object")) return members;
    let child = this.json.first;
    while (child != null) {
      members.push(new ConfigValue(child, this.memberPath(child.key.toString()), this.problems));
      child = child.next;
    }
    return members;
  }

  /** The name of this member. */
  get key(): Text {
    return Text.from(this.json.key);
  }

  items(): ConfigValue[] {
    const items: ConfigValue[] = [];
    if (!this.expect(JsonKind.Array, "a list")) return items;
    let child = this.json.first;
    while (child != null) {
      items.push(new ConfigValue(child, this.path + "[" + decimal(items.length) + "]", this.problems));
      child = child.next;
    }
    return items;
  }

  text(): Text {
    if (!this.expect(JsonKind.String, "a string")) return Text.of("");
    return Text.from(this.json.text);
  }

  /** A string of at least one byte. */
  nonEmptyText(): Text {
    const text = this.text();
    if (this.json.kind == JsonKind.String && text.bytes.length == 0) this.report("must not be empty");
    return text;
  }

  /** A string that can stand in a header: no NUL, CR or LF. */
  headerValue(): Text {
    const text = this.text();
    if (!isHeaderValue(text.bytes)) this.report("cannot stand in a header: it has a NUL or a line break");
    return text;
  }

  /** The name of a header, in lower case; a pseudo-header's with its colon. */
  headerName(): Text {
    return this.lowerCaseName(this.text());
  }

  /** The name of this member as that of a header, in lower case. */
  headerKey(): Text {
    return this.lowerCaseName(this.key);
  }

  private lowerCaseName(name: Text): Text {
    const bytes = name.bytes;
    const pseudo = bytes.length > 1 && bytes[0] == 0x3a;
    if (!isHeaderName(pseudo ? bytes.slice(1) : bytes)) this.report("`" + name.toString() + "` is no header name");
    return Text.lowerCase(bytes);
  }

  bool(): bool {
    const kind = this.json.kind;
    if (kind == JsonKind.True) return true;
    if (kind != JsonKind.False) this.report("expected true or false, found " + this.found());
    return false;
  }

  /** An integer from `least` to `most`, both included; `80.0` is one. */
  integer(least: i64, most: i64): i64 {
    if (!this.expect(JsonKind.Number, "a number")) return least;
    const text = this.json.text;
    const value = parseFixed(text, 0);
    if (!parsedFixed() || value < least || value > most) {
      this.report("must be from " + decimal(least) + " to " + decimal(most));
      return least;
    }
    if (value * 1_000 != parseFixed(text, 3)) this.report("expected an integer, found " + text.toString());
    return value;
  }

  /** A number from 0 to 100 in parts of a million, rounded to the nearest. */
  percentage(): u32 {
    if (!this.expect(JsonKind.Number, "a number")) return 0;
    const value = parseFixed(this.json.text, 4);
    if (parsedFixed() && value >= 0 && value <= 1_000_000) return <u32>value;
    this.report("must be from 0 to 100");
    return 0;
  }

  /** A duration such as `1.5s`, `250ms`, `2m`, `1h`, in milliseconds, rounded to the nearest. */
  duration(): i64 {
    return (this.billionths() + BILLION / 2) / BILLION;
  }

  /** The same for what must not end early: as in Istio, a duration that is no whole number of milliseconds is reported. */
  wholeMilliseconds(): i64 {
    const value = this.billionths();
    if (value % BILLION != 0) this.report("must be a whole number of milliseconds");
    return value / BILLION;
  }

  /** A duration in billionths of a millisecond. */
  private billionths(): i64 {
    if (!this.expect(JsonKind.String, "a string")) return 0;
    const text = this.json.text;
    let digits = 0;
    while (digits < text.length && (text[digits] - 0x30 <= 9 || text[digits] == 0x2e)) digits++;
    const scale = unitOf(text.slice(digits));
    const value = parseFixed(text.slice(0, digits), 9);
    const valid = parsedFixed() && text[0] != 0x2e && text[digits - 1] != 0x2e;
    if (valid && scale != 0 && value <= (MAX_DURATION * BILLION) / scale) return value * scale;
    this.report('expected a duration such as "1.5s" or "250ms"');
    return 0;
  }

  private expect(kind: JsonKind, name: string): bool {
    if (this.json.kind == kind) return true;
    this.report("expected " + name + ", found " + this.found());
    return false;
  }

  private found(): string {
    switch (this.json.kind) {
      case JsonKind.Null:
        return "null";
      case JsonKind.True:
        return "true";
      case JsonKind.False:
        return "false";
      case JsonKind.Number:
        return "a number";
      case JsonKind.String:
        return "a string";
      case JsonKind.Array:
        return "a list";
      default:
        return "an object";
    }
  }

  private memberPath(name: string): string {
    if (this.path.length == 0) return name;
    return isPlain(name) ? this.path + "." + name : this.path + '["' + name + '"]';
  }
}

/** Whether a name can stand in a path without quotes. */
function isPlain(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code == 0x2e || code == 0x5b || code == 0x22 || code <= 0x20) return false;
  }
  return name.length > 0;
}

/** Milliseconds in a unit; 0 for what is none. */
function unitOf(unit: Bytes): i64 {
  if (unit.length == 2) return unit[0] == 0x6d && unit[1] == 0x73 ? 1 : 0;
  if (unit.length != 1) return 0;
  return unit[0] == 0x73 ? 1_000 : unit[0] == 0x6d ? 60_000 : unit[0] == 0x68 ? 3_600_000 : 0;
}
