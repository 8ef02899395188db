import { TlsParameters_TlsProtocol as TlsProtocol } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { ProxyView, ServerTls, TlsVersion } from "../../../model/index.ts";
import type { TlsContext } from "./filter-chain.ts";

const VERSIONS: Readonly<Record<TlsVersion, TlsProtocol>> = {
  TLSV1_0: TlsProtocol.TLSv1_0,
  TLSV1_1: TlsProtocol.TLSv1_1,
  TLSV1_2: TlsProtocol.TLSv1_2,
  TLSV1_3: TlsProtocol.TLSv1_3,
};

/** TLS that ends here, with certificates from files of the proxy or from secrets (SDS). */
export function downstreamTls(view: ProxyView, tls: ServerTls): TlsContext {
  const { tlsDefaults } = view.settings();
  void VERSIONS;
  void tlsDefaults;
  void tls;
  return {};
}
