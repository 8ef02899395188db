import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { Secret } from "../../../model/index.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { objectOf, serviceOf, viewOf, type ViewContent } from "../testing/view.ts";
import { rulesOf } from "../testing/rules.ts";
import { secretType } from "./index.ts";

const HOST = "reviews.default.svc.cluster.local";
const ROUTER = { nodeId: "router~10.0.0.2~ingress.default~default.svc.cluster.local" };

function viewWith(tls: object, more: ViewContent = {}) {
  return viewOf({
    services: [serviceOf("reviews", { 80: "http" })],
    trafficRules: { [HOST]: rulesOf({ host: HOST, trafficPolicy: { tls } }) },
    ...more,
  });
}

function secretOf(name: string, parts: Partial<Secret>): Secret {
  const none = { certificate: undefined, privateKey: undefined, caCertificates: undefined, crl: undefined };
  return { name, namespace: "default", ...none, ...parts, object: objectOf("Secret", name) };
}

describe("Secrets that a proxy is sent are those", () => {
  test.for([
    ["of none, without TLS", { mode: "DISABLE" }, []],
    ["of the system's authorities, without others", { mode: "SIMPLE" }, ["file-root:system"]],
    ["of a file to trust", { mode: "SIMPLE", caCertificates: "/ca.pem" }, ["file-root:/ca.pem"]],
    [
      "of files to show",
      { mode: "MUTUAL", clientCertificate: "/c.pem", privateKey: "/k.pem", caCertificates: "/ca.pem" },
      ["file-cert:/c.pem~/k.pem", "file-root:/ca.pem"],
    ],
    ["of a credential to trust", { mode: "SIMPLE", credentialName: "a" }, ["kubernetes://a-cacert"]],
    ["of a credential to show", { mode: "MUTUAL", credentialName: "a" }, ["kubernetes://a", "kubernetes://a-cacert"]],
    ["of nobody to trust", { mode: "SIMPLE", insecureSkipVerify: true }, []],
  ] as const)("%s", ([, tls, expected]) => {
    expect([...secretType.units(viewWith(tls, { secrets: [secretOf("other", { certificate: "x", privateKey: "y" })] }))]).toEqual(expected);
  });

  test("of a gateway's servers", () => {
    const view = viewOfYaml(
      `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ingress }
spec:
  selector: { istio: ingress }
  servers:
    - { port: { number: 443, name: a, protocol: HTTPS }, hosts: [a.example.com], tls: { mode: SIMPLE, credentialName: a } }
    - { port: { number: 444, name: b, protocol: HTTPS }, hosts: [b.example.com], tls: { mode: MUTUAL, credentialName: b } }
    - { port: { number: 445, name: c, protocol: HTTPS }, hosts: [c.example.com], tls: { mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem } }
`,
      { ...ROUTER, metadata: { LABELS: { istio: "ingress" } } },
    );
    const names = ["file-cert:/c.pem~/k.pem", "file-root:/ca.pem", "kubernetes://a", "kubernetes://b", "kubernetes://b-cacert"];
    expect([...secretType.units(view)]).toEqual(names);
  });
});

describe("What is sent", () => {
  const made = (name: string, secrets: readonly Secret[] = []) =>
    secretType.translate(viewWith({ mode: "SIMPLE" }, { secrets }), name).map(({ message }) => toJson(SecretSchema, message));
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test("a credential with its key; without one there is no answer", () => {
    const pair = { certificateChain: { inlineBytes: base64("cert") }, privateKey: { inlineBytes: base64("key") } };
    expect(made("kubernetes://a", [secretOf("a", { certificate: "cert", privateKey: "key" })])).toEqual([
      { name: "kubernetes://a", tlsCertificate: pair },
    ]);
    expect(made("kubernetes://a", [secretOf("a", { caCertificates: "ca" })])).toEqual([]);
    expect(made("kubernetes://a")).toEqual([]);
  });

  test.for([
    [
      "a secret of its own before the credential",
      [secretOf("a-cacert", { caCertificates: "own" }), secretOf("a", { caCertificates: "beside" })],
      "own",
    ],
    ["what stands beside the credential", [secretOf("a", { caCertificates: "beside", crl: "revoked" })], "beside"],
    [
      "a certificate of NAME-cacert, which is not called an authority",
      [secretOf("a-cacert", { certificate: "own", privateKey: "key" })],
      "own",
    ],
  ] as const)("authorities of a credential: %s", ([, secrets, expected]) => {
    expect(made("kubernetes://a-cacert", secrets)).toMatchObject([{ validationContext: { trustedCa: { inlineBytes: base64(expected) } } }]);
  });

  test("files by their names, whose folder Envoy watches", () => {
    expect(made("file-cert:/certs/c.pem~/certs/k.pem")).toEqual([
      {
        name: "file-cert:/certs/c.pem~/certs/k.pem",
        tlsCertificate: {
          certificateChain: { filename: "/certs/c.pem" },
          privateKey: { filename: "/certs/k.pem" },
          watchedDirectory: { path: "/certs" },
        },
      },
    ]);
    expect(made("file-root:/ca.pem")).toEqual([
      { name: "file-root:/ca.pem", validationContext: { trustedCa: { filename: "/ca.pem" }, watchedDirectory: { path: "/" } } },
    ]);
  });
});
