import { writeFile } from "node:fs";
import { createServer, request } from "node:http";

// A program of a workload: what it is asked for at `/call`, it asks the service `reviews` for, by way of its proxy; it says what its clock shows, and whether it can write. Node's own client takes absolute URLs as paths.

const proxy = new URL(process.env["HTTP_PROXY"] ?? "");
createServer((incoming, response) => {
  if (incoming.url === "/time") return void response.end(String(Date.now()));
  if (incoming.url === "/write")
    return void writeFile(`${process.env["DISK"] ?? ""}/file`, "text", (error) => response.end(error?.code ?? "written"));
  if (incoming.url !== "/call") return void response.end(`${process.env["GREETING"] ?? ""} from ${process.pid}`);
  const called = request(
    { host: proxy.hostname, port: proxy.port, path: "http://reviews:9080/", headers: { host: "reviews:9080" } },
    (answer) => {
      answer.pipe(response);
    },
  );
  called.on("error", (error) => response.writeHead(502).end(error.message));
  called.end();
}).listen(Number(process.env["PORT"]), "127.0.0.1", () => console.log("listening"));
