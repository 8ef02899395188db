import { JsonError } from "./reader";

/** What was wrong, in words that end a sentence. */
export function jsonErrorMessage(error: JsonError): string {
  switch (error) {
    case JsonError.TooLarge:
      return "the document is too large";
    case JsonError.TooDeep:
      return "values are nested too deeply";
    case JsonError.UnexpectedEnd:
      return "the document ends too early";
    case JsonError.UnexpectedByte:
      return "unexpected character";
    case JsonError.BadNumber:
      return "not a number of JSON";
    case JsonError.BadString:
      return "a control character in a string must be escaped";
    case JsonError.BadEscape:
      return "not an escape of JSON";
    case JsonError.BadUtf8:
      return "not UTF-8";
    case JsonError.DuplicateKey:
      return "this member stands twice";
    case JsonError.TrailingData:
      return "something follows the document";
    default:
      return "no error";
  }
}
