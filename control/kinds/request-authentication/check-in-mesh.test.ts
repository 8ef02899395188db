import { expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { requestAuthentication } from "./index.ts";
import { type IssuerKeys, type JwksUri, type Kind, readJwksUri } from "../../model/index.ts";
import { meshOfYaml } from "../../xds/types/testing/yaml-view.ts";

const kind: Kind = requestAuthentication;

const policy = (spec: string, namespace = "default") => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: policy, namespace: ${namespace} }
spec: ${spec}
---`;
const workload = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-1 }
spec: { address: 10.0.0.1, labels: { app: reviews } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: jwt }
spec: { hosts: [jwt.example.com], ports: [{ number: 8000, name: http, protocol: HTTP }], resolution: DNS }
---`;
const fetched = (uri: string) => policy(`{ jwtRules: [{ issuer: a, jwksUri: "${uri}" }] }`);

test.each<[string, string, readonly string[]]>([
  ["a selector that selects a workload", policy("{ selector: { matchLabels: { app: reviews } } }"), []],
  [
    "a selector that selects nobody",
    policy("{ selector: { matchLabels: { app: ratings } } }"),
    ["mesh.yaml:15:9: warning IST0127 spec.selector: no workload has these labels"],
  ],
  ["a selector of the root namespace, which selects in all", policy("{ selector: { matchLabels: { app: reviews } } }", "istio-system"), []],
  [
    "a selector of another namespace",
    policy("{ selector: { matchLabels: { app: reviews } } }", "shop"),
    ["mesh.yaml:15:9: warning IST0127 spec.selector: no workload has these labels"],
  ],
  [
    "a port of the workload that carries no HTTP",
    `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }, { name: db, port: 3307 }, { name: tcp-db, port: 3308 }, { name: https, port: 443 }] }
---${policy("{ selector: { matchLabels: { app: reviews } } }")}${policy("{}").replace("name: policy", "name: all")}`,
    [
      "mesh.yaml:20:9: warning IST0119 spec.selector: tokens are not looked for at port 3308 (tcp-db) of reviews.default, which carries tcp; policies of authorization hold there by the connection alone",
    ],
  ],
  ["keys of a service of the mesh", fetched("http://jwt.example.com:8000/keys"), []],
  [
    "keys at a port that it does not have",
    fetched("https://jwt.example.com/keys"),
    [
      "mesh.yaml:15:33: warning MW0011 spec.jwtRules[0].jwksUri: jwt.example.com is a service of the mesh without port 443 (it has 8000), so DNS is asked where it is",
    ],
  ],
  ...(["https", "http"] as const).map((scheme): [string, string, readonly string[]] => [
    `keys behind mTLS, by ${scheme}`,
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: keys }
spec:
  hosts: [keys.example.com]
  ports: [{ number: 8443, name: https, protocol: HTTPS }]
  resolution: STATIC
  endpoints: [{ address: 10.0.0.7, labels: { security.istio.io/tlsMode: istio } }]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: all }
spec: { mtls: { mode: STRICT } }
---${fetched(`${scheme}://keys.example.com:8443/keys`)}`,
    scheme === "http"
      ? []
      : [
          "mesh.yaml:29:33: warning MW0010 spec.jwtRules[0].jwksUri: keys.example.com takes mTLS alone (PeerAuthentication STRICT), and there is no TLS within mTLS: keys do not come by https; write http, which mTLS protects",
        ],
  ]),
  ["keys of nobody that the mesh knows", fetched("https://issuer.example.com/keys"), []],
])("%s", (_, yaml, expected) => {
  expect(problemsInMesh(kind, workload + yaml)).toEqual(expected);
});

const ISSUER = "https://issuer.example.com";

test.each<[string, IssuerKeys | undefined, readonly string[]]>([
  ["that was not asked, as where there is no control service", undefined, []],
  ["that told", { uri: keysAt("https://issuer.example.com/keys"), problem: undefined }, []],
  [
    "that does not tell",
    { uri: undefined, problem: "status 404" },
    [
      "error MW0014 every token of this issuer is refused: https://issuer.example.com does not tell where its keys are: status 404; it is asked again, or write jwksUri or jwks",
    ],
  ],
  [
    "that told once",
    { uri: keysAt("https://issuer.example.com/keys"), problem: "status 503" },
    [
      "warning MW0012 https://issuer.example.com does not tell where its keys are: status 503; what it told before, https://issuer.example.com/keys, stays in force",
    ],
  ],
])("an issuer %s", (_, said, expected) => {
  const { mesh } = meshOfYaml(policy(`{ jwtRules: [{ issuer: "${ISSUER}" }] }`)).applyIssuers(
    new Map(said === undefined ? [] : [[ISSUER, said]]),
  );
  const problems: string[] = [];
  for (const object of mesh.objects(kind.kind))
    kind.checkInMesh?.(object, mesh, (level, code, __, message) => problems.push(`${level} ${code} ${message}`));
  expect(problems).toEqual(expected);
});

function keysAt(uri: string): JwksUri {
  const read = readJwksUri(uri);
  if (typeof read === "string") throw new Error(read);
  return read;
}
