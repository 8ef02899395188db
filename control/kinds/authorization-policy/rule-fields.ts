import { Code } from "../../model/index.ts";
import { list, object, optional, type ReadContext, required, text } from "../../model/fields/index.ts";
import { wrongConditionValue, wrongKey } from "./condition-key.ts";
import { texts, wrongAddressRange, wrongNamespace, wrongPath, wrongPort, wrongPrincipal, wrongServiceAccount } from "./values.ts";

const principals = texts("principal", wrongPrincipal);
const requestPrincipals = texts("principal of a token");
const namespaces = texts("namespace", wrongNamespace);
const serviceAccounts = texts("service account", wrongServiceAccount);
const ranges = texts("range of addresses", wrongAddressRange);
const hosts = texts("host");
const ports = texts("port", wrongPort);
const methods = texts("method");
const paths = texts("path", wrongPath);

const source = object(
  {
    principals: optional(principals, "Whose certificate the client has: TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT. None without mTLS."),
    notPrincipals: optional(principals, "The opposite."),
    requestPrincipals: optional(
      requestPrincipals,
      "Whose token the request has: ISSUER/SUBJECT. Needs a RequestAuthentication. HTTP only.",
    ),
    notRequestPrincipals: optional(requestPrincipals, "The opposite."),
    namespaces: optional(namespaces, "Of the client's certificate."),
    notNamespaces: optional(namespaces, "The opposite."),
    serviceAccounts: optional(
      serviceAccounts,
      "Of the client's certificate: ACCOUNT, of the policy's namespace, or NAMESPACE/ACCOUNT. Not beside principals or namespaces.",
    ),
    notServiceAccounts: optional(serviceAccounts, "The opposite."),
    ipBlocks: optional(ranges, "Addresses, or ranges of them, of whoever has the connection to the proxy."),
    notIpBlocks: optional(ranges, "The opposite."),
    remoteIpBlocks: optional(ranges, "The same of the client behind proxies: from X-Forwarded-For or the PROXY protocol."),
    notRemoteIpBlocks: optional(ranges, "The opposite."),
  },
  {
    check(value, context) {
      notEmpty(value, context);
      const { principals, notPrincipals, namespaces, notNamespaces, serviceAccounts, notServiceAccounts } = value;
      const has = (...lists: readonly (readonly string[] | undefined)[]) => lists.some((each) => each !== undefined && each.length > 0);
      if (has(serviceAccounts, notServiceAccounts) && has(principals, notPrincipals, namespaces, notNamespaces))
        context.report("error", Code.Exclusive, "serviceAccounts cannot stand beside principals or namespaces; keep one");
    },
  },
);

const operation = object(
  {
    hosts: optional(hosts, "As the request writes them, with the port where it does; letter case is ignored. HTTP only."),
    notHosts: optional(hosts, "The opposite."),
    ports: optional(ports, "On which the workload listens."),
    notPorts: optional(ports, "The opposite."),
    methods: optional(methods, "HTTP only. Of gRPC always POST."),
    notMethods: optional(methods, "The opposite."),
    paths: optional(
      paths,
      "Without query, as Envoy normalised them. {*} is one segment, {**} the rest. HTTP only. Of gRPC /PACKAGE.SERVICE/METHOD.",
    ),
    notPaths: optional(paths, "The opposite."),
  },
  { check: notEmpty },
);

const condition = object(
  {
    key: required(
      text({ shape: "key" }),
      "request.headers[NAME], source.ip, remote.ip, source.namespace, source.principal, source.serviceAccount, request.auth.principal, .audiences, .presenter, .claims[NAME], destination.ip, destination.port or connection.sni; beside Istio's request.auth.consumer, the owner of an API key.",
    ),
    values: optional(texts("value"), "One must be found."),
    notValues: optional(texts("value"), "None may be found."),
  },
  {
    check({ key, values = [], notValues = [] }, context) {
      const wrong = wrongKey(key);
      if (wrong !== undefined) context.at("key").report("error", wrong.refused ? Code.Refused : Code.Value, wrong.message);
      if (values.length + notValues.length === 0) context.report("error", Code.Missing, "values or notValues must be there");
      for (const [name, list] of [["values", values] as const, ["notValues", notValues] as const]) {
        for (const [index, value] of list.entries()) {
          const message = wrongConditionValue(key, value);
          if (message !== undefined) context.at(name).at(index).wrong(message);
        }
      }
    },
  },
);

export const from = list(object({ source: required(source, "The source.") }), { least: 1 });
export const to = list(object({ operation: required(operation, "The operation.") }), { least: 1 });
export const when = list(condition);

/** `istio.security.v1beta1.Rule`. */
export const rule = object({
  from: optional(from, "Where requests come from; one must match. Default: anywhere."),
  to: optional(to, "What is asked; one must match. Default: anything."),
  when: optional(when, "Further conditions; all must hold."),
});

export type RuleSpec = NonNullable<ReturnType<typeof rule.read>>;

function notEmpty(value: Readonly<Record<string, readonly string[] | undefined>>, context: ReadContext): void {
  if (Object.values(value).every((each) => each === undefined || each.length === 0))
    context.wrong("must not be empty; leave it out to match everything");
}
