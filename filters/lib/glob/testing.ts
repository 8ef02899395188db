import { arena, Bytes } from "../bytes";
import { Glob, IstioPath, PathTemplate, templateErrorMessage, TemplateError, TemplateRewrite } from ".";

// Flat functions for the tests of this folder. What is compiled stays until the next of its kind.

let glob = Glob.compile(Bytes.empty());
let path: IstioPath | null = null;
let template: PathTemplate | null = null;
let rewriter: TemplateRewrite | null = null;

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

export function globCompile(pointer: usize, length: i32): i32 {
  glob = Glob.compile(view(pointer, length));
  return glob.kind;
}

export function globMatches(pointer: usize, length: i32): bool {
  return glob.matches(view(pointer, length));
}

export function globMatchesIgnoreCase(pointer: usize, length: i32): bool {
  return glob.matchesIgnoreCase(view(pointer, length));
}

/** The {@link TemplateError}, 0 for none. */
export function pathCompile(pointer: usize, length: i32): i32 {
  path = IstioPath.compile(view(pointer, length));
  return path == null ? IstioPath.error : TemplateError.None;
}

export function pathErrorOffset(): i32 {
  return IstioPath.errorOffset;
}

export function pathMatches(pointer: usize, length: i32): bool {
  const compiled = path;
  return compiled != null && compiled.matches(view(pointer, length));
}

/** The {@link TemplateError}, 0 for none. */
export function templateCompile(pointer: usize, length: i32): i32 {
  template = PathTemplate.compile(view(pointer, length));
  return template == null ? PathTemplate.error : TemplateError.None;
}

export function templateErrorOffset(): i32 {
  return PathTemplate.errorOffset;
}

export function templateMatches(pointer: usize, length: i32): bool {
  const compiled = template;
  return compiled != null && compiled.matches(view(pointer, length));
}

/** The {@link TemplateError} of a rewrite for the compiled template, 0 for none. */
export function rewriteCompile(pointer: usize, length: i32): i32 {
  const compiled = template;
  if (compiled == null) return -1;
  rewriter = TemplateRewrite.compile(view(pointer, length), compiled);
  return rewriter == null ? TemplateRewrite.error : TemplateError.None;
}

/** The new path: pointer above, length below, all ones where the template does not match. */
export function rewrite(pointer: usize, length: i32): u64 {
  const compiled = rewriter;
  if (compiled == null) return u64.MAX_VALUE;
  const result = compiled.rewrite(view(pointer, length));
  return result == null ? u64.MAX_VALUE : ((<u64>result.pointer) << 32) | (<u64>result.length);
}

export function messageLength(error: i32): i32 {
  return templateErrorMessage(<TemplateError>error).length;
}
