import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "./openssl.ts";

/** A key and its certificate, made by OpenSSL, self-signed or signed by `issuer`. */
export function authorityOf(
  folder: string,
  name: string,
  { issuer, key = "EC", more = "" }: { readonly issuer?: string; readonly key?: string; readonly more?: string } = {},
): string {
  const path = join(folder, name);
  const options =
    key === "EC" ? ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
  openssl(["genpkey", ...options, "-out", `${path}.key`]);
  writeFileSync(
    `${path}.cnf`,
    `[ext]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n${more}\n`,
  );
  openssl(["req", "-new", "-key", `${path}.key`, "-subj", `/O=Müller & Söhne/CN=${name}`, "-utf8", "-out", `${path}.csr`]);
  const signed =
    issuer === undefined
      ? ["-signkey", `${path}.key`]
      : ["-CA", `${join(folder, issuer)}.pem`, "-CAkey", `${join(folder, issuer)}.key`, "-CAcreateserial"];
  openssl([
    "x509",
    "-req",
    "-in",
    `${path}.csr`,
    ...signed,
    "-days",
    "30",
    "-extfile",
    `${path}.cnf`,
    "-extensions",
    "ext",
    "-out",
    `${path}.pem`,
  ]);
  return path;
}

/** Files of Istio's `cacerts`. @param own whose key signs @param chain between it and the root */
export function plug(folder: string, own: string, root: string, chain?: readonly string[]): void {
  copyFileSync(`${own}.pem`, join(folder, "ca-cert.pem"));
  copyFileSync(`${own}.key`, join(folder, "ca-key.pem"));
  copyFileSync(`${root}.pem`, join(folder, "root-cert.pem"));
  if (chain === undefined) rmSync(join(folder, "cert-chain.pem"), { force: true });
  else writeFileSync(join(folder, "cert-chain.pem"), chain.map((each) => readFileSync(`${each}.pem`, "utf8")).join(""));
}
