/** WordPress: the login form, what its failures say (they tell a wrong user from a wrong password), XML-RPC, and a first page inside. */
import type { Persona } from '../../surfaces/persona.ts';
import { escapeHtml, hostOf, type Reply } from '../products/product.ts';
import { get, html, isSignedIn, type Lure, signIn, type Visit } from './lure.ts';

const VERSIONS = ['6.1.1', '6.2.2', '6.3.1', '6.4.3', '6.5.2'] as const;
const NO_CACHE = [
  ['Expires', 'Wed, 11 Jan 1984 05:00:00 GMT'],
  ['Cache-Control', 'no-cache, must-revalidate, max-age=0'],
] as const;
const TYPE = 'text/html; charset=UTF-8';

const versionOf = (persona: Persona): string => persona.pick('wordpress version', VERSIONS);
const siteName = (persona: Persona): string =>
  persona.organisation.charAt(0).toUpperCase() + persona.organisation.slice(1);
const knownUsers = (persona: Persona): readonly string[] => ['admin', persona.user];

function base(visit: Visit): string {
  return `${visit.place.secure ? 'https' : 'http'}://${escapeHtml(hostOf(visit.request, visit.place))}`;
}

function loginPage(visit: Visit, error = '', typed = ''): Reply {
  const { persona } = visit.place;
  const site = base(visit);
  const version = versionOf(persona);
  const redirect = escapeHtml(get(visit.query, 'redirect_to') ?? get(visit.form, 'redirect_to') ?? `${site}/wp-admin/`);
  const notice = error === '' ? '' : `<div id="login_error">\t${error}<br />\n</div>\n`;
  return {
    status: 200,
    type: TYPE,
    dynamic: true,
    headers: [
      ...NO_CACHE,
      ['Set-Cookie', 'wordpress_test_cookie=WP%20Cookie%20check; path=/'],
      ['X-Frame-Options', 'SAMEORIGIN'],
    ],
    body: html(`<!DOCTYPE html>
\t<html lang="en-US">
\t<head>
\t<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
\t<title>Log In &lsaquo; ${siteName(persona)} &#8212; WordPress</title>
\t<meta name='robots' content='max-image-preview:large, noindex, noarchive' />
<link rel='stylesheet' id='login-css' href='${site}/wp-admin/css/login.min.css?ver=${version}' media='all' />
\t<meta name='referrer' content='strict-origin-when-cross-origin' />
\t\t<meta name="viewport" content="width=device-width" />
\t</head>
\t<body class="login no-js login-action-login wp-core-ui  locale-en-us">
\t<div id="login">
\t\t<h1><a href="https://wordpress.org/">Powered by WordPress</a></h1>
\t${notice}
\t\t<form name="loginform" id="loginform" action="${site}/wp-login.php" method="post">
\t\t\t<p>
\t\t\t\t<label for="user_login">Username or Email Address</label>
\t\t\t\t<input type="text" name="log" id="user_login" class="input" value="${escapeHtml(typed)}" size="20" autocapitalize="off" autocomplete="username" required="required" />
\t\t\t</p>
\t\t\t<div class="user-pass-wrap">
\t\t\t\t<label for="user_pass">Password</label>
\t\t\t\t<div class="wp-pwd">
\t\t\t\t\t<input type="password" name="pwd" id="user_pass" class="input password-input" value="" size="20" autocomplete="current-password" spellcheck="false" required="required" />
\t\t\t\t</div>
\t\t\t</div>
\t\t\t<p class="forgetmenot"><input name="rememberme" type="checkbox" id="rememberme" value="forever"  /> <label for="rememberme">Remember Me</label></p>
\t\t\t<p class="submit">
\t\t\t\t<input type="submit" name="wp-submit" id="wp-submit" class="button button-primary button-large" value="Log In" />
\t\t\t\t<input type="hidden" name="redirect_to" value="${redirect}" />
\t\t\t\t<input type="hidden" name="testcookie" value="1" />
\t\t\t</p>
\t\t</form>
\t\t<p id="nav"><a class="wp-login-lost-password" href="${site}/wp-login.php?action=lostpassword">Lost your password?</a></p>
\t\t<p id="backtoblog"><a href="${site}/">&larr; Go to ${siteName(persona)}</a></p>
\t</div>
\t</body>
\t</html>
`),
  };
}

function refused(visit: Visit): Reply {
  const user = visit.login?.username ?? '';
  const password = visit.login?.password ?? '';
  const shown = escapeHtml(user);
  if (user === '') return loginPage(visit, '<strong>Error:</strong> The username field is empty.');
  if (password === '') return loginPage(visit, '<strong>Error:</strong> The password field is empty.', user);
  if (!knownUsers(visit.place.persona).includes(user))
    return loginPage(
      visit,
      `<strong>Error:</strong> The username <strong>${shown}</strong> is not registered on this site. If you are unsure of your username, try your email address instead.`,
    );
  return loginPage(
    visit,
    `<strong>Error:</strong> The password you entered for the username <strong>${shown}</strong> is incorrect. <a href="${base(visit)}/wp-login.php?action=lostpassword">Lost your password?</a>`,
    user,
  );
}

function redirect(location: string, cookies: readonly (readonly [string, string])[] = []): Reply {
  return {
    status: 302,
    type: TYPE,
    dynamic: true,
    headers: [...NO_CACHE, ...cookies, ['X-Redirect-By', 'WordPress'], ['Location', location]],
    body: Buffer.alloc(0),
  };
}

function dashboard(visit: Visit): Reply {
  const { persona } = visit.place;
  const version = versionOf(persona);
  return {
    status: 200,
    type: TYPE,
    dynamic: true,
    headers: [...NO_CACHE, ['X-Frame-Options', 'SAMEORIGIN']],
    body: html(`<!DOCTYPE html>
<html class="wp-toolbar" lang="en-US">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
<title>Dashboard &lsaquo; ${siteName(persona)} &#8212; WordPress</title>
</head>
<body class="wp-admin wp-core-ui no-js index-php auto-fold admin-bar">
<div id="wpwrap">
<ul id="adminmenu">
<li><a href='index.php'>Dashboard</a></li><li><a href='edit.php'>Posts</a></li><li><a href='upload.php'>Media</a></li>
<li><a href='themes.php'>Appearance</a></li><li><a href='plugins.php'>Plugins</a></li><li><a href='users.php'>Users</a></li><li><a href='options-general.php'>Settings</a></li>
</ul>
<div id="wpbody-content"><div class="wrap"><h1>Dashboard</h1>
<p id="wp-version-message">WordPress ${version} running Twenty Twenty-Three theme.</p>
</div></div>
<div id="wpfooter"><p id="footer-upgrade">Version ${version}</p></div>
</div>
</body>
</html>
`),
  };
}

const FAULT = `<?xml version="1.0" encoding="UTF-8"?>
<methodResponse>
  <fault>
    <value>
      <struct>
        <member>
          <name>faultCode</name>
          <value><int>403</int></value>
        </member>
        <member>
          <name>faultString</name>
          <value><string>Incorrect username or password.</string></value>
        </member>
      </struct>
    </value>
  </fault>
</methodResponse>
`;

function xmlRpc(visit: Visit): Reply {
  const { request } = visit;
  if (request.method !== 'POST')
    return {
      status: 405,
      type: 'text/plain;charset=UTF-8',
      dynamic: true,
      headers: [['Allow', 'POST']],
      body: html('XML-RPC server accepts POST requests only.'),
    };
  const site = base(visit);
  const blogs = `<?xml version="1.0" encoding="UTF-8"?>
<methodResponse>
  <params>
    <param>
      <value>
      <array><data>
  <value><struct>
  <member><name>isAdmin</name><value><boolean>1</boolean></value></member>
  <member><name>url</name><value><string>${site}/</string></value></member>
  <member><name>blogid</name><value><string>1</string></value></member>
  <member><name>blogName</name><value><string>${siteName(visit.place.persona)}</string></value></member>
  <member><name>xmlrpc</name><value><string>${site}/xmlrpc.php</string></value></member>
</struct></value>
</data></array>
      </value>
    </param>
  </params>
</methodResponse>
`;
  return {
    status: 200,
    type: 'text/xml; charset=UTF-8',
    dynamic: true,
    body: html(visit.login?.accepted === true ? blogs : FAULT),
  };
}

export const wordpress: Lure = {
  name: 'wordpress',
  personas: ['ubuntu-server'],
  paths: ['/wp-login.php', '/wp-admin', '/wp-admin/', '/xmlrpc.php'],
  mechanisms: ['http-form', 'http-xmlrpc'],
  answer(visit) {
    const { request, login, path } = visit;
    if (path === '/xmlrpc.php') return xmlRpc(visit);
    if (path === '/wp-login.php') {
      if (request.method !== 'POST') return loginPage(visit);
      if (login?.accepted !== true) return refused(visit);
      const token = signIn(visit, 'wordpress');
      const name = `wordpress_logged_in_${visit.place.persona.secret('wordpress site', 16).toString('hex')}`;
      const user = encodeURIComponent((login.username ?? '').toWellFormed());
      const cookie = `${name}=${user}%7C${Math.floor(visit.nowMs / 1000) + 172_800}%7C${token}; path=/; HttpOnly`;
      return redirect(`${base(visit)}/wp-admin/`, [['Set-Cookie', cookie]]);
    }
    if (isSignedIn(visit, 'wordpress')) return dashboard(visit);
    const back = encodeURIComponent(`${base(visit)}${path}`);
    return redirect(`${base(visit)}/wp-login.php?redirect_to=${back}&reauth=1`);
  },
};
