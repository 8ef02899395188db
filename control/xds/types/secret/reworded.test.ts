import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { reworded } from "./reworded.ts";

const file = (filename: string) => ({ specifier: { case: "filename" as const, value: filename } });
const inline = (text: string) => ({ specifier: { case: "inlineBytes" as const, value: Buffer.from(text) } });

function sourceAfter(type: MessageInitShape<typeof SecretSchema>["type"], occasion: number): string {
  const secret = create(SecretSchema, { name: "a", ...(type === undefined ? {} : { type }) });
  const { type: result } = fromBinary(SecretSchema, reworded(toBinary(SecretSchema, secret), occasion));
  const source = result.case === "tlsCertificate" ? result.value.certificateChain : undefined;
  const specifier = (result.case === "validationContext" ? result.value.trustedCa : source)?.specifier;
  return specifier?.case === "inlineBytes" ? Buffer.from(specifier.value).toString() : String(specifier?.value);
}

test.each(["/certs/c.pem", "/c.pem", "c.pem", "certs/c.pem"])("a path leads where it led: %s", (path) => {
  const occasions = [0, 1, 2, 0x8000, 0xffff];
  const certificates = occasions.map((occasion) =>
    sourceAfter({ case: "tlsCertificate", value: { certificateChain: file(path), privateKey: file("/k.pem") } }, occasion),
  );
  const trusted = occasions.map((occasion) => sourceAfter({ case: "validationContext", value: { trustedCa: file(path) } }, occasion));
  expect(new Set(certificates).size).toBe(occasions.length);
  expect(trusted).toEqual(certificates);
  for (const other of certificates) expect(posix.normalize(other)).toBe(path);
});

test("text has a comment behind it", () => {
  expect(sourceAfter({ case: "validationContext", value: { trustedCa: inline("PEM\n") } }, 7)).toBe("PEM\n\n7\n");
  expect(sourceAfter({ case: "tlsCertificate", value: { certificateChain: inline("PEM") } }, 8)).toBe("PEM\n8\n");
});
