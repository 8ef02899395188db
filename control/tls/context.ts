import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import type { ServerCertificate } from "./server-certificate.ts";

/** Milliseconds within which a connection has to have become what it is to be; who sends one byte now and then holds a place no longer than that. */
export const HANDSHAKE_TIMEOUT = 10_000;

/**
 * What a server's connections begin with, from now on.
 *
 * - TLS 1.2 at least (RFC 8996), whatever Node was started with.
 * - No renegotiation: RFC 9113, section 9.2.1, forbids it for HTTP/2, and a client can have a server sign all day with it (CVE-2011-1473).
 * - OpenSSL knows no authority: whose certificates of clients are good changes while it runs, and is looked at by who reads them. Besides, Node 24 shows of a chain that OpenSSL found good the first one alone.
 * - No session is resumed: a ticket brings back the client's certificate without the chain that it came with, and without its key being proved anew.
 */
export function contextOf(certificate: ServerCertificate): SecureContextOptions {
  const { certificate: cert, key } = certificate.current();
  return {
    cert,
    key,
    ca: [],
    minVersion: "TLSv1.2",
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  };
}
