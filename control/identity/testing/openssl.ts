import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that goes with the test. */
export function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "meshwright-identity-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs OpenSSL, which knows nothing of ours; what it says. */
export function openssl(parameters: readonly string[], input = ""): string {
  try {
    return execFileSync("openssl", parameters, { input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("there is no openssl on this machine; it judges the certificates of these tests: install the package openssl", {
      cause: error,
    });
  }
}

/** A key and a request for a certificate, by OpenSSL. */
export function requestOf(
  folder: string,
  names: string | undefined,
  { key = ["ec", "P-256"], more = "", subject = "" } = {},
): { readonly csr: string; readonly keyFile: string } {
  const keyFile = join(folder, `${Math.random().toString(36).slice(2)}.key`);
  const [type, size = ""] = key;
  const options =
    type === "ec"
      ? ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${size}`]
      : type === "rsa"
        ? ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${size}`]
        : ["-algorithm", type ?? ""];
  openssl(["genpkey", ...options, "-out", keyFile]);
  const config = join(folder, "request.cnf");
  const extensions = `${names === undefined ? "" : `subjectAltName=${names}\n`}${more}`;
  writeFileSync(
    config,
    `[req]\ndistinguished_name=dn\nprompt=no\n${extensions === "" ? "" : "req_extensions=ext\n"}[dn]\n${subject}\n[ext]\n${extensions}\n`,
  );
  return { csr: openssl(["req", "-new", "-key", keyFile, "-config", config, ...(subject === "" ? ["-subj", "/"] : [])]), keyFile };
}

/** What OpenSSL says of a certificate and its chain: `OK`, or why not. */
export function verify(folder: string, chain: string, roots: string, purpose = "sslserver"): string {
  const [leaf = "", ...others] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  const files = { leaf: join(folder, "leaf.pem"), others: join(folder, "others.pem"), roots: join(folder, "roots.pem") };
  writeFileSync(files.leaf, leaf);
  writeFileSync(files.others, others.join(""));
  writeFileSync(files.roots, roots);
  try {
    const untrusted = others.length > 0 ? ["-untrusted", files.others] : [];
    return openssl(["verify", "-x509_strict", "-purpose", purpose, "-CAfile", files.roots, ...untrusted, files.leaf])
      .trim()
      .replace(/^.*: /, "");
  } catch (error) {
    return String((error as { readonly stderr?: string }).stderr);
  }
}
