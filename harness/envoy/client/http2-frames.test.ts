import { Socket } from "node:net";
import { expect, test } from "vitest";
import { encodeHeaderBlock, HeaderBlockSubstitution } from "./http2-frames.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A HEADERS frame, with a block that nobody reads. */
function headersOf(stream: number): Buffer {
  const frame = Buffer.alloc(10);
  frame.writeUIntBE(1, 0, 3);
  frame.set([1, 0x4], 3);
  frame.writeUInt32BE(stream, 5);
  return frame;
}

/** The streams and blocks of the HEADERS frames that reach the socket. */
function framesOf(bytes: Buffer): Array<readonly [stream: number, block: string]> {
  const frames: Array<readonly [number, string]> = [];
  for (let at = PREFACE.length; at < bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    frames.push([bytes.readUInt32BE(at + 5), bytes.toString("latin1", at + 9, end)]);
    at = end;
  }
  return frames;
}

test("trailers belong to their stream, whether they are written late or never", () => {
  const written: Buffer[] = [];
  const socket = Object.assign(new Socket(), {
    write: (chunk: Buffer, done: () => void) => {
      written.push(chunk);
      done();
    },
  });
  const wire = new HeaderBlockSubstitution(socket);
  const block = (name: string) => encodeHeaderBlock([[name, "1"]]).toString("latin1");

  wire.substituteHeaders([["first", "1"]]);
  wire.write(Buffer.concat([PREFACE, headersOf(1)]));
  // The answer to the first came before its trailers, and the next request begins.
  wire.substituteTrailers(1, [["late", "1"]]);
  wire.substituteHeaders([["second", "1"]]);
  wire.write(headersOf(3));
  wire.substituteTrailers(3, [["never", "1"]]);
  wire.write(headersOf(1));
  wire.substituteHeaders([["third", "1"]]);
  wire.write(headersOf(5));
  wire.destroy();

  expect(framesOf(Buffer.concat(written))).toEqual([
    [1, block("first")],
    [3, block("second")],
    [1, block("late")],
    [5, block("third")],
  ]);
});
