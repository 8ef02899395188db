/** One block of PEM (RFC 7468). */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY`, ... */
  readonly label: string;
  readonly der: Buffer;
}

const BLOCK = /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The blocks of a text, in order; text between them is passed over, as everybody does. A block that is no base64 is left out. */
export function readPem(text: string): readonly PemBlock[] {
  return Array.from(text.matchAll(BLOCK), ([, label = "", body = ""]) => ({ label, base64: body.replaceAll(/\s+/g, "") }))
    .filter(({ base64 }) => base64 !== "" && BASE64.test(base64))
    .map(({ label, base64 }) => ({ label, der: Buffer.from(base64, "base64") }));
}

/** One block, in lines of 64 characters, ended by a line feed. */
export function pemOf(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  return `-----BEGIN ${label}-----\n${base64.replaceAll(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}
