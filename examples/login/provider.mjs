// An OpenID provider to try things with: whoever says a name is who they say. Real ones are Keycloak, Entra ID, Okta, Auth0, Google.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const ISSUER = "http://localhost:9001";
const GATEWAY = "http://127.0.0.1:8080";

const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: "shop",
      client_secret: "the shop's secret at the provider",
      redirect_uris: [`${GATEWAY}/oidc/callback`],
      post_logout_redirect_uris: [`${GATEWAY}/bye`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  cookies: { keys: ["a key for the provider's own cookies"] },
  ttl: { AccessToken: 600, IdToken: 600, RefreshToken: 86_400, Session: 86_400, Grant: 86_400, Interaction: 600 },
  features: { devInteractions: { enabled: false } },
  claims: { openid: ["sub"], email: ["email"] },
  conformIdTokenClaims: false,
  issueRefreshToken: () => true,
  interactions: { url: (_context, { uid }) => `/login/${uid}` },
  findAccount: (_context, name) => ({
    accountId: name,
    claims: () => ({ sub: name, email: `${name}@shop.example` }),
  }),
  // What the shop asks for is granted without a question.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});

const answer = provider.callback();

async function login(request, response) {
  if (request.method !== "POST") {
    response.writeHead(200, { "content-type": "text/html" });
    response.end('<form method="post">Who are you? <input name="login" autofocus> <button>Log in</button></form>');
    return;
  }
  const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
  await provider.interactionFinished(request, response, { login: { accountId: form.get("login") || "nobody" } });
}

createServer((request, response) => {
  if (!request.url.startsWith("/login/")) answer(request, response);
  else login(request, response).catch((error) => response.writeHead(400).end(`${error.message}\n`));
}).listen(9001, "127.0.0.1", () => console.log(`provider ${ISSUER}`));
