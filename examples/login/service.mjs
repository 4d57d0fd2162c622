// A service that knows nothing of logins: it believes what the gateway tells it.
import { createServer } from "node:http";

createServer(({ headers, url }, response) => {
  const who = headers["x-email"] ?? "nobody";
  const cookies = headers.cookie ?? "none";
  response.end(`${url} for ${who}; cookies: ${cookies}\n`);
}).listen(9002, "127.0.0.1", () => console.log("service http://127.0.0.1:9002"));
