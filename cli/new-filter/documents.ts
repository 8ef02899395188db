export function schema(name: string): string {
  return `${JSON.stringify(
    {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: `Configuration of the ${name} filter`,
      type: "object",
      additionalProperties: false,
      required: ["header", "value"],
      properties: {
        header: { type: "string", minLength: 1, description: "The header that is added." },
        value: { type: "string", description: "Its value." },
      },
    },
    null,
    2,
  )}\n`;
}

export function page(name: string): string {
  return `# ${name}

Adds a header to every response, beside those that the upstream sent.

\`\`\`json
{ "header": "x-${name}", "value": "hello" }
\`\`\`

The fields are in [${name}.schema.json](${name}.schema.json); complete set-ups in [examples/envoy.yaml](examples/envoy.yaml) and
[examples/wasm-plugin.yaml](examples/wasm-plugin.yaml). A configuration that does not fit is refused with its place, and the one before stays.

Metric: \`${name}.responses\`, a counter.
`;
}

export function envoyExample(name: string, module: string): string {
  return `static_resources:
  listeners:
    - name: http
      address: { socket_address: { address: 127.0.0.1, port_value: 8080 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: http
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          direct_response: { status: 200, body: { inline_string: "hello\\n" } }
                http_filters:
                  - name: ${name}
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        name: ${name}
                        vm_config:
                          vm_id: ${name}
                          runtime: envoy.wasm.runtime.v8
                          code: { local: { filename: ${module} } }
                        failure_policy: FAIL_RELOAD
                        configuration:
                          "@type": type.googleapis.com/google.protobuf.StringValue
                          value: |
                            { "header": "x-${name}", "value": "hello" }
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
`;
}

export function wasmPluginExample(name: string, version: string): string {
  return `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: ${name}
  namespace: istio-system
spec:
  selector:
    matchLabels:
      istio: ingressgateway
  url: oci://registry.example.com/filters/${name}:${version}
  pluginName: ${name}
  failStrategy: FAIL_RELOAD
  pluginConfig:
    header: x-${name}
    value: hello
`;
}
