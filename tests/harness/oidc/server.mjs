// An OpenID provider for tests: oidc-provider, with people and one client given as JSON.
//
//   node server.mjs CONFIG.json
//
// CONFIG: port, key, cert (PEM files), client (oidc-provider's metadata), people (by name: password,
// claims, idTokenSeconds). Says "ready" when it listens, and ends when its input does.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `https://127.0.0.1:${config.port}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const claims = { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'], groups: ['groups'] };

const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><main><h1>${title}</h1>${body}</main></body></html>`;

const provider = new Provider(issuer, {
  clients: [config.client],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  claims,
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  conformIdTokenClaims: false, // the API server reads the ID token and nothing else
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: (ctx) => config.people[ctx.oidc.account.accountId].idTokenSeconds, Grant: 86400, Interaction: 3600, RefreshToken: 86400, Session: 86400 },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => {
        ctx.body = page('Sign out', `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out everywhere</button>`);
      },
    },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (ctx, name) => config.people[name] && {
    accountId: name,
    claims: async () => ({ sub: name, preferred_username: name, ...config.people[name].claims }),
  },
  loadExistingGrant: async (ctx) => {
    const { client, session, params } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(params.scope); // nobody is asked whether the console may know them
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  let mistake = '';
  if (ctx.method === 'POST') {
    const sent = new URLSearchParams(await body(ctx.req));
    if (sent.get('cancel')) {
      return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied', error_description: 'signing in was cancelled' });
    }
    const person = config.people[sent.get('name')];
    if (person && person.password === sent.get('password')) {
      ctx.respond = false;
      return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: sent.get('name') } }, { mergeWithLastSubmission: false });
    }
    mistake = '<p role="alert">No such name and password.</p>';
  }
  ctx.type = 'html';
  ctx.body = page('Example Corp: sign in', `${mistake}<form method="post">
<p><label>Name <input name="name" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button>Sign in</button> <button name="cancel" value="yes">Cancel</button></p></form><p>for ${params.client_id.replace(/\W/g, '')}</p>`);
});

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

provider.on('server_error', (ctx, error) => console.error(error));
for (const event of ['authorization.error', 'grant.error', 'end_session.error']) {
  provider.on(event, (ctx, error) => console.error(event, error.message, error.error_detail ?? ''));
}

const server = https.createServer({ key: readFileSync(config.key), cert: readFileSync(config.cert) }, provider.callback());
server.listen(config.port, '127.0.0.1', () => console.log('ready'));
process.stdin.on('end', () => process.exit(0)).resume();
