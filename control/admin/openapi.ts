import { admission, OBJECT_PATHS } from "./objects/openapi.ts";

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0 } as const;
const milliseconds = { type: "number", description: "Milliseconds since 1970." } as const;
const state = { enum: ["SYNCED", "STALE", "NACK", "NOT SENT"] } as const;

const list = <Items extends object>(items: Items) => ({ type: "array", items }) as const;
const object = <Properties extends Record<string, object>>(properties: Properties, required: readonly string[] = Object.keys(properties)) =>
  ({ type: "object", properties, required }) as const;
const answer = (description: string, schema: object) => ({ description, content: { "application/json": { schema } } });
const error = (description: string) => answer(description, object({ error: text }));

const acknowledged = object({ version: text, nonce: text, at: milliseconds });
const typeStatus = object(
  {
    type: { ...text, description: "listener, scope, route, cluster, endpoint, filter, secret or roots." },
    state,
    wildcard: { type: "boolean" },
    names: { ...count, description: "Names that are subscribed to beside the wildcard." },
    sent: acknowledged,
    accepted: acknowledged,
    refused: list(object({ name: text, version: text, reason: text, since: milliseconds })),
    unanswered: count,
    waiting: count,
  },
  ["type", "state", "wildcard", "names", "refused", "unanswered", "waiting"],
);

const proxyStatus = object({
  id: text,
  type: { enum: ["sidecar", "router"] },
  namespace: text,
  clusterId: text,
  version: { ...text, description: "Of its Envoy." },
  peer: text,
  connectedAt: milliseconds,
  state,
  types: list(typeStatus),
});

const problem = object({
  file: text,
  line: { type: "integer", minimum: 1 },
  column: { type: "integer", minimum: 1 },
  level: { enum: ["error", "warning", "info"] },
  code: text,
  path: text,
  message: text,
});

const refusal = object({ proxy: text, type: text, resource: text, reason: text });
const wait = object({
  converged: { type: "boolean" },
  waiting: list(object({ proxy: text, types: list(text), unasked: { ...list(text), description: "Types that it has yet to ask for." } })),
  refused: list(refusal),
  errors: list(text),
});

const authorityCertificate = object({
  use: { enum: ["signing", "prepared", "former", "trusted"] },
  pem: text,
  subject: text,
  serialNumber: { ...text, description: "Hexadecimal." },
  notBefore: milliseconds,
  notAfter: milliseconds,
});
const rotation = {
  phase: { enum: ["stable", "prepared", "switched"], description: "Of a root of the service's own." },
  retirable: { ...milliseconds, description: "From when on the former root may be retired without force." },
};
const authority = object(
  {
    kind: { enum: ["embedded", "external"] },
    ...rotation,
    roots: list(authorityCertificate),
    lacking: {
      ...list(text),
      description: "Proxies that are connected, have a certificate of the mesh, and have not said that they trust these roots.",
    },
  },
  ["kind", "roots", "lacking"],
);
const joinToken = {
  id: text,
  namespace: text,
  serviceAccount: text,
  state: { enum: ["active", "spent", "expired", "revoked"] },
  uses: count,
  used: count,
  createdAt: milliseconds,
  expiresAt: milliseconds,
};
const revocation = object({ subject: { ...text, description: "A SPIFFE id, or a serial number in hexadecimal." }, at: milliseconds });
const body = (schema: object) => ({ required: true, content: { "application/json": { schema } } });

const forbidden = error("The token or certificate may read only, or the certificate's name has no role.");
const noAuthority = error("This service has no certificate authority, or there is no such token.");
const writes = [{ bearer: [] }, { certificate: [] }];
const unauthorized = error("Token and certificate are missing, or what is shown is not good.");

/** Types of resources that are made of objects. */
const TYPES = ["listener", "scope", "route", "cluster", "endpoint", "filter", "secret"];
const position = { type: "integer", minimum: 1 } as const;
const reference = { kind: text, namespace: text, name: text, file: text, line: position, column: position };
const effect = { enum: ["makes", "changes", "hides"] } as const;
const fields = { ...list(text), description: "Where in the resource, at most 16; empty unless it changes." };
const patches = {
  ...list(object({ path: text, line: position, column: position })),
  description: "Of an EnvoyFilter: which of its patches do it.",
};
const busy = error("Other such questions are being answered.");

const outcomes = object({ good: count, failed: count, ejections: count });
const evidence = object({
  bad: { ...count, description: "Callers that find the host bad." },
  good: count,
  silent: { ...count, description: "Callers with too few requests." },
  callers: list(object({ caller: text, filter: outcomes, loads: outcomes })),
});
const host = { service: text, port: count, address: text };
const hostHealth = object(
  {
    ...host,
    state: { enum: ["watched", "out", "returning", "back"] },
    share: { ...count, maximum: 100, description: "Per cent of its usual requests." },
    since: milliseconds,
    until: milliseconds,
    times: { ...count, description: "How often it was out lately." },
    reason: { ...text, description: "Why it is, or was last, out." },
    evidence,
  },
  ["service", "port", "address", "state", "share", "times", "evidence"],
);
const decision = object(
  {
    ...host,
    at: milliseconds,
    decision: { enum: ["ejected", "held", "returning", "returned", "released"] },
    reason: text,
    times: count,
    until: milliseconds,
    evidence,
  },
  ["service", "port", "address", "at", "decision", "reason", "times"],
);

/** The description of `/api/v1/`, which is served beside it. */
export const OPEN_API = {
  openapi: "3.1.0",
  info: { title: "Meshwright control service", version: "1" },
  security: [{}, { bearer: [] }, { certificate: [] }],
  components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" }, certificate: { type: "mutualTLS" } } },
  paths: {
    "/api/v1/status": {
      get: {
        summary: "Every proxy that is connected, and what it has accepted",
        responses: {
          200: answer(
            "The proxies, by id, how changes are taken, and which hosts are out for all: none where mesh-wide health is off.",
            object({ proxies: list(proxyStatus), admission, health: object({ on: { type: "boolean" }, out: list(hostHealth) }) }),
          ),
          401: unauthorized,
        },
      },
    },
    "/api/v1/health": {
      get: {
        summary: "Hosts that callers find bad, and what was decided of them for all (serve --mesh-health)",
        responses: {
          200: answer(
            "Nothing where it is off.",
            object({ on: { type: "boolean" }, interval: count, callers: count, hosts: list(hostHealth), decisions: list(decision) }, [
              "on",
              "hosts",
              "decisions",
            ]),
          ),
          401: unauthorized,
        },
      },
    },
    "/api/v1/health-reports": {
      post: {
        summary:
          "Takes what a proxy saw of hosts (filters/ejection/report-schema.json), of proxies that are connected; at the address of xDS, where they send it, too",
        security: [{ certificate: [] }, {}],
        parameters: [
          {
            name: "token",
            in: "query",
            required: false,
            schema: text,
            description: "In plain text, instead of the proxy's certificate: that which its configuration carries.",
          },
        ],
        requestBody: body({ type: "object" }),
        responses: {
          202: { description: "It is taken." },
          400: { description: "It is no report." },
          401: { description: "Neither certificate nor token, or they are not good." },
          403: { description: "The proxy is not connected, or the certificate is not its own." },

          409: { description: "It is older than one that was taken, and changes nothing." },
          413: { description: "It has more than 1 MiB." },
          429: { description: "The proxy has reported within half an interval; it changes nothing." },
          503: { description: "Mesh-wide health is off." },
        },
      },
    },
    "/api/v1/problems": {
      get: {
        summary: "What is wrong with the objects, and where",
        responses: { 200: answer("By file and place.", object({ problems: list(problem) })), 401: unauthorized },
      },
    },
    ...OBJECT_PATHS,
    "/api/v1/proxies": {
      get: {
        summary: "What configuration is made of beside the objects: what proxies tell of themselves, and issuers of their keys",
        responses: {
          200: answer(
            "The proxies that are connected; all of which something is known, as it matters to those that connect to them; issuers by name.",
            object({
              proxies: list(object({ id: text, type: { enum: ["sidecar", "router"] }, namespace: text, metadata: { type: "object" } })),
              peers: list(
                object({ id: text, namespace: text, serviceAccount: text, addresses: list(text), identity: { type: "boolean" } }),
              ),
              issuers: { type: "object", additionalProperties: { type: "object" } },
            }),
          ),
          401: unauthorized,
        },
      },
    },
    "/api/v1/proxies/{id}/config": {
      get: {
        summary: "What a proxy gets, in proto3 JSON by type",
        parameters: [
          { name: "id", in: "path", required: true, schema: text },
          {
            name: "type",
            in: "query",
            schema: { enum: ["listener", "scope", "route", "cluster", "endpoint", "filter", "secret", "roots"] },
          },
        ],
        responses: {
          200: answer("Resources by type, sorted by name.", { type: "object", additionalProperties: list({ type: "object" }) }),
          400: error("There is no such type."),
          401: unauthorized,
          404: error("The proxy is not connected."),
        },
      },
    },
    "/api/v1/explain/resources": {
      get: {
        summary: "Which objects made resources of a proxy: what would be another without them",
        parameters: [
          { name: "proxy", in: "query", required: true, schema: text },
          { name: "type", in: "query", required: true, schema: { enum: TYPES } },
          { name: "name", in: "query", schema: text, description: "Default: all of the type." },
        ],
        responses: {
          200: answer(
            "By name.",
            object({
              proxy: text,
              resources: list(
                object({
                  type: text,
                  name: text,
                  bytes: count,
                  objects: list(object({ ...reference, effect, bytesWithout: count, fields, patches })),
                }),
              ),
            }),
          ),
          400: error("The proxy or the type is missing, or there is no such type."),
          401: unauthorized,
          404: error("The proxy is not connected."),
          503: busy,
        },
      },
    },
    "/api/v1/explain/objects/{kind}/{namespace}/{name}": {
      get: {
        summary: "What an object does to which proxies: what they would get otherwise without it",
        parameters: [
          ...["kind", "namespace", "name"].map((name) => ({ name, in: "path", required: true, schema: text })),
          { name: "proxy", in: "query", schema: text, description: "Default: all that are connected." },
        ],
        responses: {
          200: answer(
            "Proxies for which it does the same stand together.",
            object({
              object: object(reference),
              effects: list(
                object({
                  proxies: list(text),
                  resources: list(object({ type: text, name: text, effect, bytes: count, bytesWithout: count, fields, patches })),
                }),
              ),
              unaffected: list(text),
            }),
          ),
          400: error("There is no such kind."),
          401: unauthorized,
          404: error("There is no such object, or the proxy is not connected."),
          503: busy,
        },
      },
    },
    "/api/v1/wait": {
      post: {
        summary: "Reads the sources to the end, then waits until every proxy has asked for all that it uses and answered what it was sent",
        parameters: [{ name: "timeout", in: "query", schema: { ...text, default: "30s" } }],
        responses: { 200: answer("How it ended.", wait), 400: error("The timeout is none."), 401: unauthorized },
      },
    },
    "/api/v1/authority": {
      get: {
        summary: "The certificate authority and its roots",
        responses: { 200: answer("Every root that is trusted.", authority), 401: unauthorized, 404: noAuthority },
      },
    },
    "/api/v1/authority/rotation": {
      post: {
        summary: "Takes one step of the root's rotation. Wants the role write",
        security: writes,
        requestBody: body(
          object(
            {
              step: { enum: ["prepare", "switch", "retire", "cancel"] },
              force: { type: "boolean", default: false, description: "Also where somebody is cut off by it." },
              timeout: { ...text, default: "0s", description: "How long to wait for proxies that do not trust the new root yet: 30s." },
            },
            ["step"],
          ),
        ),
        responses: {
          200: answer("Where it stands now.", object(rotation, ["phase"])),
          400: error("The body is none."),
          401: unauthorized,
          403: forbidden,
          404: noAuthority,
          409: error("The step is out of turn, or proxies do not trust the new root yet."),
          503: error("It could not be stored; nothing has changed."),
        },
      },
    },
    "/api/v1/revocations": {
      get: {
        summary: "Identities and certificates that are revoked",
        responses: { 200: answer("The newest first.", object({ revocations: list(revocation) })), 401: unauthorized, 404: noAuthority },
      },
      post: {
        summary: "Revokes an identity, or a certificate by its serial number. Wants the role write",
        security: writes,
        requestBody: body(object({ subject: text })),
        responses: {
          201: answer("It is revoked.", revocation),
          400: error("It is neither."),
          401: unauthorized,
          403: forbidden,
          404: noAuthority,
          503: error("It could not be stored."),
        },
      },
    },
    "/api/v1/revocations/restore": {
      post: {
        summary: "Takes a revocation back. Wants the role write",
        security: writes,
        requestBody: body(object({ subject: text })),
        responses: {
          200: answer("It is not revoked any more.", object({ subject: text })),
          400: error("It was not revoked."),
          401: unauthorized,
          403: forbidden,
          404: noAuthority,
        },
      },
    },
    "/api/v1/tokens": {
      get: {
        summary: "Join tokens, without their secrets",
        responses: { 200: answer("The newest first.", object({ tokens: list(object(joinToken)) })), 401: unauthorized, 404: noAuthority },
      },
      post: {
        summary: "Makes a join token. Wants the role write",
        security: writes,
        requestBody: body(
          object(
            {
              namespace: text,
              serviceAccount: text,
              uses: { type: "integer", minimum: 1, maximum: 10_000, default: 1 },
              lifetime: { ...text, default: "1h" },
            },
            ["namespace", "serviceAccount"],
          ),
        ),
        responses: {
          201: answer("The token, shown this once.", object({ ...joinToken, token: text })),
          400: error("There can be no such token."),
          401: unauthorized,
          403: forbidden,
          404: noAuthority,
          503: error("It could not be stored; there is no token."),
        },
      },
    },
    "/api/v1/tokens/{id}": {
      delete: {
        summary: "Makes a join token worth nothing. Wants the role write",
        security: writes,
        parameters: [{ name: "id", in: "path", required: true, schema: text }],
        responses: {
          200: answer("It is revoked.", object({ id: text, state: { const: "revoked" } })),
          401: unauthorized,
          403: forbidden,
          404: noAuthority,
        },
      },
    },
  },
} as const;
