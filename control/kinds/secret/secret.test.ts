import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { formatProblem, type Kind, type Secret } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/read-manifests.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import { defaultMeshSettings } from "../mesh-config/index.ts";
import { secret } from "./index.ts";

const { certificate, key, authority } = identityOf("reviews.example.com");
const other = identityOf("ratings.example.com");
const encode = (text: string) => Buffer.from(text).toString("base64");
const wrapped = (text: string) => encode(text).replace(/.{64}/g, "$&\n");

function read(body: object): { readonly secret: Secret | undefined; readonly problems: readonly string[] } {
  const [manifest] = readManifests(
    "secret.yaml",
    stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "reviews" }, ...body }),
  ).manifests;
  if (manifest === undefined) throw new Error("nothing read");
  const { object, problems } = readObject(manifest, new Kinds([secret]));
  const kind: Kind = secret;
  const contribution = object === undefined ? {} : kind.contribute(object, defaultMeshSettings);
  return { secret: contribution.secrets?.[0], problems: problems.map(formatProblem) };
}

describe("What is read of a Secret", () => {
  test("kubernetes.io/tls has a certificate, its key, and may have what to trust", () => {
    const found = read({
      type: "kubernetes.io/tls",
      data: { "tls.crt": wrapped(certificate), "tls.key": encode(key), "ca.crt": encode(authority) },
    });
    expect(found.problems).toEqual([]);
    expect(found.secret).toMatchObject({
      name: "reviews",
      namespace: "default",
      certificate,
      privateKey: key,
      caCertificates: authority,
      crl: undefined,
    });
  });

  test("Opaque has Istio's names, which go before the others", () => {
    const { secret: found } = read({
      data: { cert: encode(certificate), key: encode(key), cacert: encode(authority), "ca.crt": encode(certificate) },
    });
    expect(found).toMatchObject({ certificate, privateKey: key, caCertificates: authority });
  });

  test("stringData is plain text and goes before data", () => {
    const { secret: found } = read({ stringData: { cacert: authority }, data: { cacert: encode(certificate) } });
    expect(found).toMatchObject({ certificate: undefined, caCertificates: authority });
  });

  test.for([
    ["another type", { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": encode("{}") } }],
    ["nothing of TLS", { data: { password: encode("secret") } }],
  ] as const)("%s says nothing to the mesh", ([, body]) => {
    expect(read(body)).toEqual({ secret: undefined, problems: [] });
  });
});

describe("What is refused", () => {
  test.for([
    ["no certificate", { type: "kubernetes.io/tls", data: { "tls.key": encode(key) } }, `"tls.crt" is missing`],
    ["no key", { type: "kubernetes.io/tls", data: { "tls.crt": encode(certificate) } }, `"tls.key" is missing`],
    ["half a pair", { data: { cert: encode(certificate) } }, `"key" is missing`],
    ["a key of another certificate", { data: { cert: encode(certificate), key: encode(other.key) } }, "not that of the certificate"],
    ["a certificate that is none", { data: { cert: encode("hello"), key: encode(key) } }, "no PEM certificate"],
    ["a key that is none", { data: { cert: encode(certificate), key: encode("hello") } }, "no PEM key"],
    [
      "an authority that is none",
      { data: { cacert: encode("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") } },
      "no PEM certificates",
    ],
    ["a list that is none", { data: { cacert: encode(authority), crl: encode("hello") } }, "no PEM list"],
    ["plain text in data", { data: { cert: certificate } }, "is not base64"],
    ["a number", { data: { cert: 1234567 } }, "expected a text"],
    ["a name that is none", { data: { "a b": encode("x") } }, "a name has up to 253"],
  ] as const)("%s", ([, body, message]) => {
    const { secret: found, problems } = read(body);
    expect(found).toBeUndefined();
    expect(problems.join("\n")).toContain(message);
  });

  test("no message tells a value", () => {
    const bodies = [
      { data: { key: "hunter2 hunter2" } },
      { data: { key: 77_123_456 } },
      { stringData: { key: ["hunter2"] } },
      { data: ["hunter2"] },
      { stringData: { key: "hunter2" } },
    ];
    for (const body of bodies) {
      const { problems } = read(body);
      expect(problems).not.toEqual([]);
      expect(problems.join("\n")).not.toMatch(/hunter2|77.?123/);
    }
  });
});
