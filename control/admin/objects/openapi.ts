import { LONGEST_BODY, MOST_OBJECTS } from "./body.ts";

const text = { type: "string" } as const;
const list = <Items extends object>(items: Items) => ({ type: "array", items }) as const;
const object = <Properties extends Record<string, object>>(properties: Properties, required: readonly string[] = Object.keys(properties)) =>
  ({ type: "object", properties, required }) as const;
const answer = (description: string, schema: object) => ({ description, content: { "application/json": { schema } } });
const error = (description: string) => answer(description, object({ error: text }));
const parameter = (place: "path" | "query" | "header", name: string, description: string, schema: object = text) => ({
  name,
  in: place,
  required: place === "path",
  description,
  schema,
});

/** As `/api/v1/problems` has them. */
const problem = object({
  file: { ...text, description: "Of objects of the API: `api/KIND/NAMESPACE/NAME.yaml`." },
  line: { type: "integer", minimum: 1 },
  column: { type: "integer", minimum: 1 },
  level: { enum: ["error", "warning", "info"] },
  code: text,
  path: text,
  message: text,
});

/** What is not applied because it would break something. */
export const admission = object({
  mode: { enum: ["strict", "warn"] },
  refused: list(
    object({
      source: text,
      since: { type: "number", description: "Milliseconds since 1970." },
      files: list(text),
      problems: list(problem),
    }),
  ),
});

const shown = object({
  kind: text,
  namespace: text,
  name: text,
  resourceVersion: { ...text, description: "Of the content, for If-Match and metadata.resourceVersion." },
  source: { enum: ["api", "file"], description: "`file`: it stands in a file that the service watches, and cannot be changed here." },
  file: text,
  line: { type: "integer", minimum: 1 },
  object: { type: "object", description: "The document, with its version. Of a Secret the values are left out." },
});

const result = object(
  {
    kind: text,
    namespace: text,
    name: text,
    result: { enum: ["created", "updated", "unchanged", "deleted"] },
    resourceVersion: text,
    file: text,
  },
  ["kind", "namespace", "name", "result", "file"],
);
const applied = object({
  objects: list(result),
  problems: { ...list(problem), description: "What is new since: warnings, and errors of others that it brings about." },
  dryRun: { type: "boolean" },
});
const refused = (description: string) => answer(description, object({ error: text, problems: list(problem) }, ["error"]));

const documents = (description: string) => ({
  required: true,
  description,
  content: { "application/yaml": { schema: text }, "application/json": { schema: { type: "object" } } },
});
const path = [
  parameter("path", "kind", "Its name, in any case, singular or plural, or as kubectl abbreviates it."),
  parameter("path", "namespace", "Its namespace."),
  parameter("path", "name", "Its name."),
];
const dryRun = parameter("query", "dryRun", "Whether it is only said what would become of it.", { type: "boolean", default: false });
const match = parameter("header", "If-Match", "The version that is meant; refused where it is another by now.");
const noneMatch = parameter("header", "If-None-Match", "`*`: refused where there is one.");

const unauthorized = error("Token and certificate are missing, or what is shown is not good.");
const changes = {
  400: error("The request cannot be understood."),
  401: unauthorized,
  403: error("The token or certificate may read only, or the certificate's name has no role."),
  409: error("It stands in a file, or is of another version than the document says."),
  412: error("It is of another version than If-Match says, or there where If-None-Match wants none."),
  422: refused("Nothing is applied, because of these problems."),
  503: error("It could not be kept; nothing has changed."),
};
const writes = [{ bearer: [] }, { certificate: [] }];

/** The part of the description that speaks of objects. */
export const OBJECT_PATHS = {
  "/api/v1/objects": {
    get: {
      summary: "The objects that count",
      parameters: [
        parameter("query", "kind", "Those of this kind."),
        parameter("query", "namespace", "Those of this namespace."),
        parameter("query", "name", "Those of this name."),
      ],
      responses: {
        200: answer("By kind, namespace and name.", object({ objects: list(shown) })),
        400: error("There is no such kind."),
        401: unauthorized,
      },
    },
    post: {
      summary: "Applies objects, all of them or none. Wants the role write",
      security: writes,
      parameters: [dryRun],
      requestBody: documents(
        `YAML of one or many documents, or JSON of one object, a List or an array; at most ${MOST_OBJECTS} objects and ${LONGEST_BODY} bytes. A metadata.resourceVersion has to be that of what is there.`,
      ),
      responses: { 200: answer("They count.", applied), ...changes, 413: error("It is too much at once.") },
    },
    delete: {
      summary: "Deletes objects that were applied here, all of them or none. Wants the role write",
      security: writes,
      parameters: [dryRun],
      requestBody: documents(
        "Documents as for post, of which kind, namespace and name say what is meant. A metadata.resourceVersion has to be that of what is there.",
      ),
      responses: {
        200: answer("They are gone.", applied),
        ...changes,
        404: error("There is none of one of these names."),
        413: error("It is too much at once."),
      },
    },
  },
  "/api/v1/objects/{kind}/{namespace}/{name}": {
    get: {
      summary: "One object; its version is in ETag",
      parameters: path,
      responses: { 200: answer("The object.", shown), 401: unauthorized, 404: error("There is none.") },
    },
    put: {
      summary: "Applies one object. Wants the role write",
      security: writes,
      parameters: [...path, dryRun, match, noneMatch],
      requestBody: documents("One object, in YAML or JSON."),
      responses: { 200: answer("It counts.", applied), ...changes, 413: error("It is too much at once.") },
    },
    delete: {
      summary: "Deletes one object that was applied here. Wants the role write",
      security: writes,
      parameters: [...path, dryRun, match],
      responses: { 200: answer("It is gone.", applied), ...changes, 404: error("There is none.") },
    },
  },
} as const;
