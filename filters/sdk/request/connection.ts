import { Property } from "../hostcalls/property";

// What several filters ask of the connection with the client: `once()` shares the answer within a callback.

/** `ip:port` of the client as Envoy sees it, after the PROXY protocol and trusted hops. */
// @ts-ignore: decorator
@lazy
export const SOURCE_ADDRESS = Property.named("source.address");

/** The first URI of the subject alternative names of the client's certificate. */
// @ts-ignore: decorator
@lazy
export const PEER_PRINCIPAL = Property.named("connection.uri_san_peer_certificate");
