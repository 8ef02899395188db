export { list, type ListOptions, map, type MapOptions } from "./collections.ts";
export { ReadContext } from "./context.ts";
export { defaulted, type Field, type FieldType, type Infer, type Members, optional, refused, required } from "./field-type.ts";
export { describe, isMapping, object, type ObjectOf, type ObjectOptions } from "./object-type.ts";
export {
  boolean,
  choice,
  decimal,
  duration,
  type DurationOptions,
  integer,
  type IntegerOptions,
  json,
  parseDuration,
  portNumber,
  text,
  type TextOptions,
} from "./scalars.ts";
export { suggestion } from "./suggestion.ts";
