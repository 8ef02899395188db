import type { Evidences } from "./evidence.ts";

const SERVERS = "control/xds/types/listener/gateway-servers.scenarios.ts";
const TLS = "control/xds/types/listener/gateway-tls.scenarios.ts";
const CLIENTS = `${TLS}: clients of a server are taken`;
const VERSIONS = `${TLS}: versions, ciphers and curves of a server:`;
const CERTIFICATES = `${TLS}: of two certificates the client gets the one that it can verify:`;

export const gateway: Evidences = {
  selector: `${SERVERS}: nowhere where its gateway selects other proxies`,
  "servers.port.number": `${SERVERS}: on the port that the gateway's Service sends its own to, and not on its own`,
  "servers.port.protocol": [
    `${SERVERS}: HTTP/2 without TLS`,
    `${SERVERS}: gRPC-Web, which the service sees as gRPC`,
    `${SERVERS}: %s as bytes`,
  ],
  // Routes of HTTPS are called by it, and an EnvoyFilter finds them so.
  "servers.port.name": "control/xds/patches/matches.scenarios.ts: portName",
  "servers.bind": [`${SERVERS}: on the one address that it binds`, `${SERVERS}: on a socket of the file system`],
  "servers.hosts": `${SERVERS}: %s is that of namespace %s alone where the server says so`,
  "servers.name": `${SERVERS}: has the host of a certificate`,
  "servers.tls.httpsRedirect": "control/xds/types/listener/gateway.scenarios.ts: sends plain requests to HTTPS where the server says so",
  "servers.tls.mode": [
    CLIENTS,
    `${SERVERS}: a server that passes TLS on`,
    "test/integration/control/tasks/destination-rule-tls.test.ts: AUTO_PASSTHROUGH",
  ],
  "servers.tls.serverCertificate": CLIENTS,
  "servers.tls.privateKey": CLIENTS,
  "servers.tls.caCertificates": CLIENTS,
  "servers.tls.caCrl": CLIENTS,
  "servers.tls.tlsCertificates.serverCertificate": CERTIFICATES,
  "servers.tls.tlsCertificates.privateKey": CERTIFICATES,
  "servers.tls.tlsCertificates.caCertificates": CLIENTS,
  "servers.tls.credentialName": CLIENTS,
  "servers.tls.credentialNames": CERTIFICATES,
  "servers.tls.caCertCredentialName": CLIENTS,
  "servers.tls.subjectAltNames": CLIENTS,
  "servers.tls.verifyCertificateSpki": CLIENTS,
  "servers.tls.verifyCertificateHash": CLIENTS,
  "servers.tls.insecureSkipVerify": CLIENTS,
  "servers.tls.minProtocolVersion": VERSIONS,
  "servers.tls.maxProtocolVersion": VERSIONS,
  "servers.tls.cipherSuites": VERSIONS,
  "servers.tls.ecdhCurves": VERSIONS,
};
