import { createServer } from "node:http";
import { once } from "node:events";

/** An HTTP server on a free loopback port, and its URL. */
export async function listen(handler) {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

/** Stops listening and drops the connections that are kept alive. */
export async function close(server) {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
