import type { ServerCertificate } from "../../tls/index.ts";
import { XdsError, XdsServer } from "../../xds/server/index.ts";
import { XdsListener } from "../../xds/transport/index.ts";
import { type CertificateService, istioCertificateService } from "../service/index.ts";

/** `IstioCertificateService` on a port of the loopback interface as `meshwright serve` has it, beside an xDS that has nothing. */
export function listen(certificates: CertificateService, certificate?: ServerCertificate, port = 0): Promise<XdsListener> {
  const xds = new XdsServer({
    identifier: "test",
    types: [],
    onConnect: () => {
      throw new XdsError("INVALID_ARGUMENT", "there are no proxies here");
    },
  });
  return XdsListener.start(xds, {
    port,
    services: [istioCertificateService(certificates)],
    ...(certificate !== undefined && { certificate, plaintext: false }),
  });
}
