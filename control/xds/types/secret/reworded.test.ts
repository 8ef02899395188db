import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { posix } from "node:path";
import { expect, test } from "vitest";
import { type Secret, SecretSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { reworded } from "./reworded.ts";

const file = (filename: string) => ({ specifier: { case: "filename" as const, value: filename } });
const inline = (text: string) => ({ specifier: { case: "inlineBytes" as const, value: Buffer.from(text) } });

function after(type: MessageInitShape<typeof SecretSchema>["type"], occasion: number): Secret["type"] {
  const secret = create(SecretSchema, { name: "a", ...(type === undefined ? {} : { type }) });
  return fromBinary(SecretSchema, reworded(toBinary(SecretSchema, secret), occasion)).type;
}

test("files stay what they are, and the path of their folder leads where it led", () => {
  const watchedDirectory = { path: "/certs" };
  const files = { certificateChain: file("/certs/c.pem"), privateKey: file("/k.pem"), watchedDirectory };
  const all = [0, 1, 2, 0x8000, 0xffff].flatMap((occasion) => [
    after({ case: "tlsCertificate", value: files }, occasion),
    after({ case: "validationContext", value: { trustedCa: file("/certs/c.pem"), watchedDirectory } }, occasion),
  ]);
  const folders = all.map((type) =>
    type.case === "tlsCertificate" || type.case === "validationContext" ? type.value.watchedDirectory?.path : "",
  );
  expect(new Set(folders).size).toBe(5);
  for (const each of folders) expect(posix.normalize(`${each}/c.pem`)).toBe("/certs/c.pem");
  for (const type of all) expect(JSON.stringify(type)).toContain('"/certs/c.pem"');
});

test("text has a comment behind it", () => {
  const trusted = after({ case: "validationContext", value: { trustedCa: inline("PEM\n") } }, 7);
  expect(trusted).toMatchObject({ value: { trustedCa: { specifier: { value: new Uint8Array(Buffer.from("PEM\n\n7\n")) } } } });
  const shown = after({ case: "tlsCertificate", value: { certificateChain: inline("PEM") } }, 8);
  expect(shown).toMatchObject({ value: { certificateChain: { specifier: { value: new Uint8Array(Buffer.from("PEM\n8\n")) } } } });
});
