import { defaulted, integer, list, map, object, optional, refused, required, text } from "../../model/fields/index.ts";
import { parseProtocol, serverTls, wrongGatewayHost } from "../../model/parts/index.ts";

const port = object({
  number: required(integer({ most: 65_535, shape: "port number" }), "Number by which clients call it; 0 for a unix socket."),
  protocol: required(
    text({
      shape: "protocol",
      check: (value) =>
        ["auto", "udp", undefined].includes(parseProtocol(value))
          ? `${JSON.stringify(value)} is no protocol of a gateway; expected one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TCP, TLS, MONGO, REDIS, MYSQL`
          : undefined,
    }),
    "HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TCP, TLS, MONGO, REDIS or MYSQL.",
  ),
  name: required(text(), "Name, unique in the gateway; of HTTPS the routes are called by it."),
  targetPort: refused("it has no effect on gateways, in Istio either: the port of the gateway's Service says where its proxies listen"),
});

const server = object({
  port: required(port, "Port on which it listens."),
  bind: optional(text(), "Address to listen on, or `unix:///PATH`. Default: all."),
  hosts: required(
    list(text({ shape: "host name", check: wrongGatewayHost }), { least: 1 }),
    "Host names, as `NAMESPACE/HOST` for VirtualServices of that namespace alone; `.` is the gateway's own.",
  ),
  tls: optional(serverTls, "TLS on the port, or a redirect to it."),
  defaultEndpoint: refused("Istio has never carried it out; bind a VirtualService to the gateway instead"),
  name: optional(text(), "Name for statistics."),
});

/** `istio.networking.v1alpha3.Gateway`. */
export const fields = object({
  servers: required(list(server, { least: 1 }), "Where it listens, and for which hosts."),
  selector: defaulted(map(text({ empty: true })), {}, "Labels of the proxies that it is for; without any, every gateway's."),
});

export type GatewaySpec = NonNullable<ReturnType<typeof fields.read>>;
export type ServerSpec = GatewaySpec["servers"][number];
