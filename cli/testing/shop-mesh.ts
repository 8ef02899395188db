import { identityOf } from "../../harness/envoy/chain/certificates.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

function workload(name: string, address: string): string {
  const [app = "", version = ""] = name.split("-");
  return `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}, namespace: default }
spec: { address: ${address}, labels: { app: ${app}, version: ${version} }, serviceAccount: ${app} }`;
}

/** Services, workloads and what is known of the world outside. */
const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: default }
spec: { clusterIP: 10.96.0.11, selector: { app: db }, ports: [{ name: tcp, port: 5432 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: default }
spec:
  hosts: [api.example.com]
  ports: [{ number: 443, name: tls, protocol: TLS }, { number: 80, name: http, protocol: HTTP }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api, namespace: default }
spec: { host: api.example.com, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: SIMPLE } }] } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: nobody, labels: { version: v9 } }]
${["reviews-v1 10.0.0.1", "reviews-v2 10.0.0.2", "db-v1 10.0.0.3"].map((each) => workload(...(each.split(" ") as [string, string]))).join("")}
`;

const ROUTES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
    - name: slow
      match: [{ uri: { prefix: /slow } }]
      fault: { delay: { fixedDelay: 300ms, percentage: { value: 100 } } }
      route: [{ destination: { host: reviews, subset: v1 } }]
    - name: aborted
      match: [{ uri: { prefix: /aborted } }]
      fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      route: [{ destination: { host: reviews, subset: v1 } }]
    - name: moved
      match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - name: gone
      match: [{ uri: { prefix: /gone } }]
      directResponse: { status: 410, body: { string: gone } }
    - name: rewritten
      match: [{ uri: { prefix: /api/ } }]
      rewrite: { uri: /, authority: inner.example }
      headers: { request: { set: { x-set: "1" }, remove: [x-secret] }, response: { add: { x-added: "2" } } }
      route: [{ destination: { host: reviews, subset: v2 } }]
    - name: mirrored
      match: [{ uri: { prefix: /mirrored } }]
      route: [{ destination: { host: reviews, subset: v1 } }]
      mirrors: [{ destination: { host: reviews, subset: v2 } }]
    - name: nobody
      match: [{ uri: { prefix: /nobody } }]
      route: [{ destination: { host: reviews, subset: nobody } }]
    - name: testers
      match: [{ headers: { x-user: { exact: jason } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - name: shifted
      match: [{ uri: { prefix: /shifted } }]
      route: [{ destination: { host: reviews, subset: v1 }, weight: 50 }, { destination: { host: reviews, subset: v2 }, weight: 50 }]
    - name: default
      route: [{ destination: { host: reviews, subset: v1 } }]
`;

/** Who may ask the reviews; and how often, for what. */
const POLICIES = `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: access, namespace: default }
spec:
  selector: { matchLabels: { app: reviews } }
  match: [{ mode: SERVER }]
  url: builtin://authorization
  pluginConfig:
    policies:
      - name: no-admin
        namespace: default
        action: DENY
        rules: [{ to: [{ operation: { paths: [/admin*] } }], from: [{ source: { notPrincipals: [cluster.local/ns/default/sa/admin] } }] }]
      - { name: no-strangers, namespace: default, action: DENY, rules: [{ from: [{ source: { ipBlocks: [203.0.113.0/24] } }] }] }
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: limits, namespace: default }
spec:
  selector: { matchLabels: { limited: "true" } }
  match: [{ mode: SERVER }]
  url: builtin://ratelimit
  pluginConfig: { limits: [{ name: three, tokenBucket: { maxTokens: 3, fillInterval: 3600s } }] }
`;

function gateway(): string {
  const { certificate, key, authority } = identityOf("shop.example.com");
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop, namespace: default }
spec:
  selector: { app: gateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example.com], tls: { httpsRedirect: true } }
    - { port: { number: 443, name: https, protocol: HTTPS }, hosts: [shop.example.com], tls: { mode: SIMPLE, credentialName: shop } }
    - { port: { number: 443, name: mutual, protocol: HTTPS }, hosts: [admin.example.com], tls: { mode: MUTUAL, credentialName: shop } }
    - { port: { number: 8443, name: pass, protocol: TLS }, hosts: [pass.example.com], tls: { mode: PASSTHROUGH } }
---
apiVersion: v1
kind: Secret
metadata: { name: shop, namespace: default }
type: kubernetes.io/tls
data: { tls.crt: ${base64(certificate)}, tls.key: ${base64(key)}, ca.crt: ${base64(authority)} }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop, namespace: default }
spec:
  hosts: [shop.example.com, admin.example.com]
  gateways: [shop]
  http: [{ name: shop, route: [{ destination: { host: reviews, subset: v1 } }] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: pass, namespace: default }
spec:
  hosts: [pass.example.com]
  gateways: [shop]
  tls: [{ match: [{ sniHosts: [pass.example.com] }], route: [{ destination: { host: db } }] }]
`;
}

/** A small mesh that has a bit of everything, as files by name. It is in order: no object has a problem. */
export function shopMesh(): Readonly<Record<string, string>> {
  return { "services.yaml": SERVICES, "routes.yaml": ROUTES, "policies.yaml": POLICIES, "gateway.yaml": gateway() };
}
