import type { Socket } from "node:net";
import { Client, type Dispatcher } from "undici";
import { type Channel, LoadAnswer, type LoadRequest, lossOf, type Outcome } from "./exchange.ts";
import { open, type Place } from "./place.ts";

/** Idle connections are the server's to close. */
const KEEP_ALIVE = 3_600_000;

/** One connection of HTTP/1.1, made anew where it was closed. Nothing is sent twice: the client behind it has one request at most. */
export class Http1Channel implements Channel {
  private readonly place: Place;
  private client: Client | undefined;
  private socket: Socket | undefined;
  private connected = false;
  /** Answers that came over the connection. */
  private served = 0;
  private current: Exchange | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  exchange({ method, path, authority, headers, body }: LoadRequest, done: (outcome: Outcome) => void): void {
    const exchange = new Exchange((outcome) => {
      if (this.current !== exchange) return;
      this.current = undefined;
      if (outcome instanceof LoadAnswer) this.served++;
      // A client of undici that is just failing takes no request yet.
      if (outcome instanceof LoadAnswer) done(outcome);
      else setImmediate(done, outcome);
    }, this);
    this.current = exchange;
    const flat = ["host", authority];
    for (const [name, value] of headers) flat.push(name, value);
    this.client ??= this.open();
    this.client.dispatch({ method, path, headers: flat, body: body ?? null }, exchange);
  }

  abandon(): void {
    this.current = undefined;
    this.close();
  }

  close(): void {
    const { client } = this;
    this.client = undefined;
    void client?.destroy();
    this.socket?.destroy();
    this.socket = undefined;
  }

  get state(): { readonly connected: boolean; readonly reused: boolean } {
    return { connected: this.connected, reused: this.served > 0 };
  }

  private open(): Client {
    this.connected = false;
    const client = new Client("http://load", {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE,
      keepAliveMaxTimeout: KEEP_ALIVE,
      connect: (_options, callback) => {
        const made = open(this.place, "http/1.1", (error, socket) => {
          if (this.client === client) {
            this.connected = error === undefined;
            this.served = 0;
          }
          if (error === undefined) callback(null, socket);
          else callback(error, null);
        });
        this.socket = made;
      },
    });
    return client;
  }
}

class Exchange implements Dispatcher.DispatchHandler {
  private readonly done: (outcome: Outcome) => void;
  private readonly channel: Http1Channel;
  private status = 0;
  private headers: LoadAnswer["headers"] = {};
  private readonly chunks: Buffer[] = [];

  constructor(done: (outcome: Outcome) => void, channel: Http1Channel) {
    this.done = done;
    this.channel = channel;
  }

  /** undici takes no handler without it. */
  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: LoadAnswer["headers"]): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.done(new LoadAnswer(this.status, this.headers, this.chunks));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.done(lossOf(error, { ...this.channel.state, begun: this.status !== 0 }));
  }
}
