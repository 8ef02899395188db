import { arena, Bytes, Text } from "../bytes";
import { TemplateError } from "./error";
import { PathTemplate } from "./path-template";
import { isPathCharacter, isVariableName } from "./template-parser";

const SLASH: u8 = 0x2f;
const OPEN: u8 = 0x7b;
const CLOSE: u8 = 0x7d;

/** A literal, or where `variable` is not negative, what that variable matched. */
@final
class Part {
  constructor(
    readonly variable: i32,
    readonly text: Text,
  ) {}
}

/** Envoy's `envoy.path.rewrite.uri_template`: a path made of literals and the variables of a template, `/files/{path}/of/{user}`. */
@final
export class TemplateRewrite {
  /** Why the last {@link compile} returned null. */
  static error: TemplateError = TemplateError.None;
  /** Where in the rewrite. */
  static errorOffset: i32 = 0;

  private readonly parts: Part[] = [];

  private constructor(private readonly template: PathTemplate) {}

  /** Null with {@link error} and {@link errorOffset} set where `rewrite` is not valid for `template`. */
  static compile(rewrite: Bytes, template: PathTemplate): TemplateRewrite | null {
    TemplateRewrite.error = TemplateError.None;
    const compiled = new TemplateRewrite(template);
    if (rewrite.length == 0 || rewrite[0] != SLASH) return refuse(TemplateError.InvalidPattern, 0);
    let at = 0;
    while (at < rewrite.length) {
      const open = rewrite.indexOf(OPEN, at);
      const end = open < 0 ? rewrite.length : open;
      for (let i = at; i < end; i++) {
        const isDouble = rewrite[i] == SLASH && i > 0 && rewrite[i - 1] == SLASH;
        if (isDouble || (rewrite[i] != SLASH && !isPathCharacter(rewrite[i]))) return refuse(TemplateError.InvalidLiteral, i);
      }
      if (end > at) compiled.parts.push(new Part(-1, Text.from(rewrite.slice(at, end))));
      if (open < 0) break;
      const close = rewrite.indexOf(CLOSE, open);
      if (close < 0) return refuse(TemplateError.UnmatchedBracket, open);
      const name = rewrite.slice(open + 1, close);
      if (!isVariableName(name)) return refuse(TemplateError.InvalidVariableName, open + 1);
      const variable = indexOf(template, name);
      if (variable < 0) return refuse(TemplateError.UnknownVariable, open + 1);
      compiled.parts.push(new Part(variable, Text.from(name)));
      at = close + 1;
    }
    return compiled;
  }

  /** The new path, in the arena, for a `path` without query and fragment; null where the template does not match it. */
  rewrite(path: Bytes): Bytes | null {
    const positions = arena.allocate((<usize>this.template.positionCount) << 2);
    if (!this.template.match(path, positions)) return null;
    const parts = this.parts;
    let size = 0;
    for (let i = 0; i < parts.length; i++) size += this.value(parts[i], path, positions).length;
    const output = arena.allocate(<usize>size);
    let written = output;
    for (let i = 0; i < parts.length; i++) {
      const value = this.value(parts[i], path, positions);
      memory.copy(written, value.pointer, <usize>value.length);
      written += <usize>value.length;
    }
    return Bytes.view(output, size);
  }

  private value(part: Part, path: Bytes, positions: usize): Bytes {
    if (part.variable < 0) return part.text.bytes;
    const variable = this.template.variables[part.variable];
    const start = load<i32>(positions + ((<usize>variable.start) << 2));
    return path.slice(start, load<i32>(positions + ((<usize>variable.end) << 2)));
  }
}

function indexOf(template: PathTemplate, name: Bytes): i32 {
  const variables = template.variables;
  for (let i = 0; i < variables.length; i++) {
    if (variables[i].name.bytes.equals(name)) return i;
  }
  return -1;
}

function refuse(error: TemplateError, offset: i32): TemplateRewrite | null {
  TemplateRewrite.error = error;
  TemplateRewrite.errorOffset = offset;
  return null;
}
