// A service that knows nothing of keys: it believes what the gateway tells it.
import { createServer } from "node:http";

createServer(({ headers, url }, response) => {
  const who = headers["x-consumer"] ?? "nobody";
  const key = headers["x-api-key"] ?? "none";
  response.end(`${url} for ${who} (${headers["x-plan"]}); key: ${key}\n`);
}).listen(9001, "127.0.0.1", () => console.log("service http://127.0.0.1:9001"));
