/** A real OpenID provider (`oidc-provider`) on a port of this machine, at which anybody logs in by a name alone. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Context, Provider } from "oidc-provider";

/** What may be different about a provider. */
export interface IssuerOptions {
  /** Seconds that its access tokens live (default 3600). */
  readonly accessFor?: number;
  /** Its private keys as a JWKS; default: those that the library ships for tests (RS256). */
  readonly jwks?: object;
  /** More of its configuration. */
  readonly configuration?: object;
  /** Port to listen on (default: any). */
  readonly port?: number;
  /** Host to be known by (default: localhost). */
  readonly host?: string;
}

/** The client that providers of tests know: its name, its secret. */
export const CLIENT: { readonly id: string; readonly secret: string } = {
  id: "gateway",
  secret: "secret-of-the-gateway-at-the-provider",
};

/** A running provider. */
export class Issuer implements AsyncDisposable {
  readonly provider: Provider;
  readonly url: string;
  /** Method and path of all requests, in the order in which they came. */
  readonly seen: string[] = [];
  /** What token requests ask with, and how each ended: "authorization_code 200". */
  readonly grants: string[] = [];
  /** Redirect URIs, also those for after a logout, that it takes. */
  readonly redirects: Set<string> = new Set();
  /** Milliseconds that every answer of the token endpoint waits. */
  delay = 0;
  /** Answers everything with 503. */
  down = false;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(server: Server, url: string, options: IssuerOptions) {
    this.#server = server;
    this.url = url;
    this.provider = new Provider(url, configurationOf(options));
    const { prototype } = this.provider.Client;
    prototype["redirectUriAllowed"] = (uri: string): boolean => this.redirects.has(uri);
    prototype["postLogoutRedirectUriAllowed"] = (uri: string): boolean => this.redirects.has(uri);
    const ended = (grant: string) => (context: Context & { status: number }) =>
      this.grants.push(`${grantOf(context)} ${grant}`);
    this.provider.on("grant.success", ended("done"));
    this.provider.on("grant.error", ended("refused"));
    server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
    });
    const answer = this.provider.callback();
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.seen.push(`${request.method} ${request.url?.replace(/\?.*$/, "")}`);
      if (this.down) {
        response.writeHead(503).end();
      } else if (request.url?.startsWith("/login/"))
        this.#login(request, response).catch((error) => response.writeHead(400).end(String(error)));
      else if (request.url === "/token" && this.delay > 0)
        setTimeout(() => answer(request, response), this.delay);
      else answer(request, response);
    });
  }

  /** How many requests it got of that method and path. */
  count(request: string): number {
    return this.seen.filter((one) => one === request).length;
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(
        `<form method="post"><input name="login" autofocus><button name="cancel" value="1">No</button><button id="go">Log in</button></form>`,
      );
      return;
    }
    const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
    const result = form.has("cancel")
      ? { error: "access_denied", error_description: "the person said no" }
      : { login: { accountId: form.get("login") } };
    await this.provider.interactionFinished(request, response, result);
  }

  /** Ends it with all its connections. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts a provider. */
export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const { port = 0, host = "localhost" } = options;
  const server = createServer();
  await once(server.listen(port, "127.0.0.1"), "listening");
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  return new Issuer(server, url, options);
}

function grantOf(context: Context): string {
  const { params } = context.oidc as unknown as { params?: Record<string, string> };
  return params?.["grant_type"] ?? "?";
}

function configurationOf({ accessFor = 3_600, jwks, configuration = {} }: IssuerOptions): object {
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: ["https://unused.example/callback"],
        grant_types: ["authorization_code", "refresh_token", "client_credentials"],
        response_types: ["code"],
      },
    ],
    cookies: { keys: ["a key for cookies of tests"] },
    ...(jwks !== undefined && { jwks }),
    ttl: { AccessToken: accessFor, ClientCredentials: accessFor, IdToken: 3_600, RefreshToken: 86_400 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context: Context, form: string) => {
          context.body = `<!doctype html>${form}<button id="yes" form="op.logoutForm" name="logout" value="yes">Yes</button>`;
        },
      },
    },
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email"], groups: ["groups"] },
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    interactions: { url: (_context: Context, { uid }: { uid: string }) => `/login/${uid}` },
    findAccount: (_context: Context, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@a.example`, groups: ["staff"] }),
    }),
    loadExistingGrant: async ({ oidc }: Context) => {
      const { client, session, provider } = oidc;
      const known = session.grantIdFor(client.clientId);
      const grant =
        (known && (await provider.Grant.find(known))) ||
        new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid email groups offline_access");
      await grant.save();
      return grant;
    },
    ...configuration,
  };
}
