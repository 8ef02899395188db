// A web server and a client, each a process of its own, so that each can be of any user and in any network namespace:
//
//   node web.mjs serve PORT
//   node web.mjs get URL [HOST]
import { createServer, get } from "node:http";

const [, , what, argument = "", host] = process.argv;

if (what === "serve") {
  const server = createServer((request, response) => {
    const { localAddress, localPort, remoteAddress } = request.socket;
    const plain = (/** @type {string | undefined} */ address) => address?.replace("::ffff:", "");
    response.end(JSON.stringify({ local: `${plain(localAddress)}:${localPort}`, remote: plain(remoteAddress) }));
  });
  server.listen(Number(argument), () => console.log("serving"));
} else {
  const print = (/** @type {object} */ answer) => console.log(JSON.stringify(answer));
  const request = get(argument, { agent: false, timeout: 5000, ...(host !== undefined && { headers: { host } }) }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part) => (body += part));
    response.on("end", () => {
      const via = response.headers["x-via"];
      const seen = /** @type {object} */ (body.startsWith("{") ? JSON.parse(body) : {});
      print({
        status: response.statusCode,
        server: response.headers.server,
        via: via === undefined ? [] : String(via).split(", "),
        ...seen,
      });
    });
  });
  request.on("timeout", () => request.destroy(Object.assign(new Error(), { code: "timeout" })));
  request.on("error", (/** @type {NodeJS.ErrnoException} */ error) => print({ error: error.code ?? error.message }));
}
