/** A workload at 10.0.0.1 with two ports, what it calls, and a gateway before it. */
export const MESH = `
apiVersion: v1
kind: Pod
metadata: { name: client-1, labels: { app: client } }
status: { podIP: 10.0.0.1 }
---
apiVersion: v1
kind: Service
metadata: { name: client }
spec: { clusterIP: 10.9.0.9, selector: { app: client }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 9000, targetPort: 9000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { clusterIP: 10.9.0.1, ports: [{ name: http, port: 9080 }, { name: tcp-data, port: 9307 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - name: old
      match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - name: all
      route: [{ destination: { host: reviews } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ingress }
spec:
  selector: { app: ingress }
  servers:
    - { port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*.example.com"] }
    - { port: { number: 8443, name: https, protocol: HTTPS }, hosts: [app.example.com], tls: { mode: SIMPLE, credentialName: app } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: app }
spec:
  hosts: [app.example.com]
  gateways: [ingress]
  http: [{ name: app, route: [{ destination: { host: reviews, port: { number: 9080 } } }] }]
---
`;

export const SIDECAR = {};
export const ROUTER = { nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local", metadata: { LABELS: { app: "ingress" } } };
