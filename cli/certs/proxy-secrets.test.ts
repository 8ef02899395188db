import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Authority, EmbeddedSigner, newRequest } from "../../control/identity/index.ts";
import { binaryProvider, envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";

test("shows and checks what an Envoy has, whose dump has the shape that is read", async (context) => {
  await requireTarget(envoyTarget, context);
  const folder = await mkdtemp(join(tmpdir(), "meshwright-secrets-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const authority = new Authority({ signer: await EmbeddedSigner.open(folder, { name: "cluster.local" }) });
  const { key, csr } = await newRequest();
  const { chain, roots } = await authority.sign(csr, { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" });
  await using envoy = await binaryProvider.start({
    static_resources: {
      listeners: [],
      clusters: [],
      secrets: [
        { name: "default", tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } } },
        { name: "ROOTCA", validation_context: { trusted_ca: { inline_string: roots } } },
      ],
    },
  });
  const { code, output } = await meshwright(["certs", "--envoy", `${envoy.admin.host}:${envoy.admin.port}`]);
  expect({ code, output }).toEqual({
    code: 0,
    output: expect.stringMatching(
      /^FROM .*\ndefault +leaf +URI:spiffe:\/\/cluster\.local\/ns\/default\/sa\/reviews .* in 23h\ntrusted +root +O=cluster\.local, CN=Meshwright root /,
    ),
  });
});
