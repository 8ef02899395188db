import type { HeaderList } from "../target/index.ts";
import type { Host, Worker } from "./host.ts";
import type { HttpFilter } from "./http/filter.ts";
import { DEFAULT_BUFFER_LIMIT, DEFAULT_STREAM_WINDOW } from "./http/filter-manager.ts";
import { HttpStream, type RequestOptions, type StreamOptions } from "./http-stream.ts";
import type { PluginHandle } from "./plugin-handle.ts";
import { TcpStream } from "./tcp-stream.ts";

export interface ChainOptions {
  /**
   * Bytes that may be buffered for a filter. Default: that of Envoy, which is of HTTP/1.1 1 MiB (`per_connection_buffer_limit_bytes`) and of HTTP/2
   * 16 MiB (`initial_stream_window_size`).
   */
  readonly bufferLimit?: number;
  /** The worker that serves the chain's streams. Default: the host's first. */
  readonly worker?: Worker;
}

/** Filters in order, downstream first, on one worker. */
export class FilterChain {
  readonly host: Host;
  readonly worker: Worker;
  private readonly bufferLimit: number | undefined;
  private readonly plugins: readonly PluginHandle[];

  /** @internal Use `Host.chain`. */
  constructor(host: Host, plugins: readonly PluginHandle[], options: ChainOptions) {
    this.host = host;
    this.plugins = plugins;
    this.worker = options.worker ?? host.worker;
    this.bufferLimit = options.bufferLimit;
  }

  /** Bytes that may be buffered for a filter of a stream: the limit of Envoy's codec (`Http::Stream::bufferLimit`). */
  bufferLimitOf(protocol: string): number {
    return this.bufferLimit ?? (protocol === "HTTP/2" ? DEFAULT_STREAM_WINDOW : DEFAULT_BUFFER_LIMIT);
  }

  /** A context of each plugin for a new stream; a plugin that failed open is left out. */
  createFilters(): HttpFilter[] {
    const filters: HttpFilter[] = [];
    for (const plugin of this.plugins) {
      const filter = plugin.createFilter(this.worker);
      if (filter !== undefined) filters.push(filter);
    }
    return filters;
  }

  /** A stream to which the test sends headers, data and trailers one by one, and answers as the upstream. */
  openStream(options: StreamOptions = {}): HttpStream {
    return new HttpStream(this, options);
  }

  /**
   * Opens a stream and sends a whole request.
   *
   * ```ts
   * const stream = chain.request({ path: "/api/x", headers: [["x-user", "a-beta"]] });
   * expect(stream.state).toBe("forwarded");
   * expect(stream.requestHeader("x-route")).toBe("canary");
   * ```
   */
  request(request: RequestOptions): HttpStream {
    const stream = this.openStream(request);
    const headers: HeaderList = [
      [":method", request.method ?? "GET"],
      [":scheme", request.scheme ?? "http"],
      [":authority", request.authority ?? "localhost"],
      [":path", request.path],
      ...(request.headers ?? []),
    ];
    const hasBody = request.body !== undefined && request.body.length > 0;
    stream.sendHeaders(headers, !hasBody && request.trailers === undefined);
    if (hasBody) stream.sendData(request.body ?? "", request.trailers === undefined);
    if (request.trailers !== undefined) stream.sendTrailers(request.trailers);
    return stream;
  }

  /** A TCP connection through the plugins as network filters. */
  openConnection(options: StreamOptions = {}): TcpStream {
    return new TcpStream(this, this.plugins, options);
  }
}
