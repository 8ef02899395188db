import { boolean, choice, defaulted, list, object, optional, text } from "../fields/index.ts";
import { wrongDnsLabel } from "./names.ts";

/** `istio.networking.v1alpha3.ClientTLSSettings`. */
export const clientTls = object({
  mode: defaulted(
    choice("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
    "DISABLE",
    "SIMPLE checks the server, MUTUAL shows a certificate of its own too, ISTIO_MUTUAL has both certificates from the mesh.",
  ),
  clientCertificate: optional(text(), "File beside the proxy with the certificate of MUTUAL."),
  privateKey: optional(text(), "File beside the proxy with its key."),
  caCertificates: optional(text(), "File beside the proxy with the certificates to trust. Default: the system's."),
  credentialName: optional(
    text({ check: wrongCredential }),
    "Secret of the proxy's namespace, in the place of files; its certificates to trust may stand in NAME-cacert.",
  ),
  subjectAltNames: defaulted(
    list(text()),
    [],
    "Names of which the server's certificate must have one. Default: the name of SNI, or those of the ServiceEntry; of ISTIO_MUTUAL the ids of the endpoints.",
  ),
  sni: optional(text(), "Name to ask for. Default: the request's host."),
  insecureSkipVerify: optional(boolean, "The server is not checked. Default: false."),
  caCrl: optional(text(), "File beside the proxy with certificates that are revoked."),
});

function wrongCredential(value: string): string | undefined {
  if (value.startsWith("configmap://")) return "certificates of a ConfigMap are not supported; put them into a Secret";
  return wrongDnsLabel(value.replace(/^kubernetes:\/\//, "").replaceAll(".", "-"));
}
