import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerCertificate, ServerKeyPair } from "../../../tls/index.ts";

/** A certificate that signs itself, by OpenSSL. */
export function selfSigned(name = "URI:spiffe://cluster.local/ns/istio-system/sa/istiod"): ServerKeyPair {
  const folder = mkdtempSync(join(tmpdir(), "meshwright-certificate-"));
  const files = { key: join(folder, "key.pem"), certificate: join(folder, "certificate.pem") };
  try {
    const kind = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "1", "-subj", "/"];
    const options = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"] };
    execFileSync("openssl", [...kind, "-addext", `subjectAltName=${name}`, "-keyout", files.key, "-out", files.certificate], options);
    return { key: readFileSync(files.key, "utf8"), certificate: readFileSync(files.certificate, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One that is never replaced. */
export function unchanging(pair: ServerKeyPair): ServerCertificate {
  return { current: () => pair, onChange: () => () => undefined };
}
