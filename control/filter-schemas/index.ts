import { readFileSync } from "node:fs";
import { filterFiles, filterNames } from "../../filters/index.ts";
import type { FieldPath } from "../model/index.ts";
import { JsonSchema } from "./json-schema.ts";

/** What is wrong with the configuration of a filter, and where in it. */
export interface ConfigurationProblem {
  readonly path: FieldPath;
  readonly message: string;
}

const schemas = new Map<string, JsonSchema | undefined>();

/** Names of the filters that a mesh can be given a configuration for. `mesh` is what runs them. */
export function builtinFilters(): readonly string[] {
  return filterNames().filter((name) => name !== "mesh");
}

/** Checks the configuration of a built-in filter against its schema. @throws RangeError where there is no such filter */
export function checkFilterConfiguration(name: string, configuration: unknown): readonly ConfigurationProblem[] {
  if (!schemas.has(name)) {
    const { schema } = filterFiles(name);
    schemas.set(name, schema === undefined ? undefined : new JsonSchema(JSON.parse(readFileSync(schema, "utf8"))));
  }
  return schemas.get(name)?.check(configuration) ?? [];
}
