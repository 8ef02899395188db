import { fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { checkFields, type JsonProblem } from "./check-fields.ts";
import { violation } from "./constraints.ts";
import { allOfEnvoy, messageOf } from "./registry.ts";

/**
 * What is wrong with a message of Envoy's API in proto3 JSON.
 *
 * @param typeName `envoy.config.cluster.v3.Cluster`
 * @param whole whether what must be there has to be; not in what is to be merged into another
 */
export function checkMessage(typeName: string, value: unknown, whole: boolean): readonly JsonProblem[] {
  const schema = messageOf(typeName);
  const problems = checkFields(schema, value);
  if (problems.length > 0) return problems;
  try {
    const broken = whole ? violation(schema, readMessage(typeName, value)) : undefined;
    return broken === undefined ? [] : [{ unknown: false, ...spelled(value, broken.path), message: broken.message }];
  } catch (error) {
    return [{ unknown: false, path: [], message: (error as Error).message }];
  }
}

/** The message. Throws where {@link checkMessage} finds problems. */
export function readMessage(typeName: string, value: unknown): Message {
  return fromJson(messageOf(typeName), value as JsonValue, { registry: allOfEnvoy() });
}

/** A path of names of fields as the document has it, where names are in camel case; as far as it is there. */
function spelled(value: unknown, path: JsonProblem["path"]): Pick<JsonProblem, "path"> {
  const result: (string | number)[] = [];
  let at: unknown = value;
  for (const step of path) {
    const camel = String(step).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const members = typeof at === "object" && at !== null ? (at as Record<string, unknown>) : {};
    const key = step in members ? step : camel in members ? camel : step;
    result.push(key);
    at = members[key];
  }
  return { path: result };
}
