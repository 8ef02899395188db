/** Why a path template or a template rewrite was refused. */
export const enum TemplateError {
  None,
  /** Does not begin with `/`, or holds a byte that is not printable ASCII. */
  InvalidPattern,
  /** A segment, or what stands before or behind a variable or a glob, is empty or holds a character that may not stand there. */
  InvalidLiteral,
  /** A `*` within a literal, as in `/a*`. */
  StarInLiteral,
  /** A `{` without its `}`. */
  UnmatchedBracket,
  /** Not a letter followed by letters, digits and `_`. */
  InvalidVariableName,
  /** More than 16 characters. */
  VariableNameLength,
  /** The same name twice. */
  RepeatedVariable,
  /** More than five variables. */
  TooManyVariables,
  /** `{name=}` or a match that is no list of literals, `*` and `**`. */
  InvalidVariableMatch,
  /** A `*`, `**` or variable behind a `**`. */
  GlobAfterTextGlob,
  /** A glob with a literal behind it in the middle of a path: `/*.js/x`. */
  PrefixMatch,
  /** What Istio does not allow in a path of an AuthorizationPolicy beside `{*}`: named variables, bare stars. */
  UnsupportedByIstio,
  /** A rewrite that names a variable which the template does not have. */
  UnknownVariable,
}

/** A sentence for a configuration error: what is wrong and what would be right. */
export function templateErrorMessage(error: TemplateError): string {
  switch (error) {
    case TemplateError.None:
      return "";
    case TemplateError.InvalidPattern:
      return "a path template begins with / and holds printable ASCII characters only";
    case TemplateError.InvalidLiteral:
      return "a segment is empty or holds a character other than letters, digits and -._~%!$&'()+,;:@=";
    case TemplateError.StarInLiteral:
      return "a * stands alone in its segment or in a variable, as in /* or /a{rest=*}";
    case TemplateError.UnmatchedBracket:
      return "a { has no matching }";
    case TemplateError.InvalidVariableName:
      return "a variable name is a letter followed by letters, digits and _";
    case TemplateError.VariableNameLength:
      return "a variable name has at most 16 characters";
    case TemplateError.RepeatedVariable:
      return "a variable name stands there twice";
    case TemplateError.TooManyVariables:
      return "a path template has at most 5 variables";
    case TemplateError.InvalidVariableMatch:
      return "a variable matches a list of literals, * and ** separated by /";
    case TemplateError.GlobAfterTextGlob:
      return "no *, ** or variable may follow a **";
    case TemplateError.PrefixMatch:
      return "what follows a * or ** is a / or the end of the path: put the glob into a variable";
    case TemplateError.UnsupportedByIstio:
      return "beside {*} and {**} no named variable, * or ** may stand in a path template";
    default:
      return "the rewrite names a variable that the path template does not have";
  }
}
